//! Which message is where between the outbox and the broker's acknowledgement.
//!
//! The client library takes publishes in order and gives each a packet id only when it writes it,
//! so a message is first *handed* (in a line), then *flying* (by packet id), then acknowledged. What is
//! written past the line flies at once. One flight per connection: when the connection is lost it is
//! thrown away, and the outbox reclaims.

use std::collections::VecDeque;

use crate::outbox::Ticket;

/// What one publish carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cargo {
    /// A message of the outbox.
    Held(Ticket),
    /// A retained state, sent again at each connection; in no account.
    Standing,
    /// The last word, `stopped`.
    Farewell,
}

/// The publishes of one connection that are not acknowledged yet.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    handed: VecDeque<Cargo>,
    /// By packet id, of which there are no more than may be under way.
    flying: Vec<Option<Cargo>>,
    in_the_air: usize,
}

impl Flight {
    /// The client library has taken a publish.
    pub(crate) fn hand(&mut self, cargo: Cargo) {
        self.handed.push_back(cargo);
    }

    /// Written past the line, as packet `id`.
    pub(crate) fn fly(&mut self, id: u16, cargo: Cargo) {
        let id = usize::from(id);
        if self.flying.len() <= id {
            self.flying.resize(id + 1, None);
        }
        self.in_the_air += usize::from(self.flying[id].replace(cargo).is_none());
    }

    /// The client library says that packet `id` is written: the oldest handed one, unless it flies already.
    pub(crate) fn take_off(&mut self, id: u16) {
        if matches!(self.flying.get(usize::from(id)), Some(Some(_))) {
            return;
        }
        if let Some(cargo) = self.handed.pop_front() {
            self.fly(id, cargo);
        }
    }

    /// Whether something waits in the client library's line.
    pub(crate) fn in_line(&self) -> bool {
        !self.handed.is_empty()
    }

    /// The broker has acknowledged packet `id`.
    pub(crate) fn land(&mut self, id: u16) -> Option<Cargo> {
        let cargo = self.flying.get_mut(usize::from(id))?.take()?;
        self.in_the_air -= 1;
        Some(cargo)
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.handed.len() + self.in_the_air
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_out_of_order_find_their_message() {
        let mut flight = Flight::default();
        flight.hand(Cargo::Standing);
        flight.hand(Cargo::Held(Ticket(7)));
        flight.take_off(1);
        flight.take_off(2);
        assert_eq!(flight.land(2), Some(Cargo::Held(Ticket(7))));
        assert_eq!(flight.land(2), None);
        assert_eq!(flight.land(1), Some(Cargo::Standing));
        assert_eq!(flight.len(), 0);
    }

    #[test]
    fn what_was_written_past_the_line_leaves_the_line_alone() {
        let mut flight = Flight::default();
        flight.fly(1, Cargo::Held(Ticket(7)));
        flight.hand(Cargo::Held(Ticket(8)));
        assert!(flight.in_line());
        flight.take_off(1);
        assert!(flight.in_line());
        flight.take_off(2);
        assert!(!flight.in_line());
        assert_eq!(flight.land(2), Some(Cargo::Held(Ticket(8))));
        assert_eq!(flight.land(1), Some(Cargo::Held(Ticket(7))));
    }

    #[test]
    fn a_packet_that_was_never_handed_is_nothing() {
        let mut flight = Flight::default();
        flight.take_off(1);
        assert_eq!(flight.land(1), None);
    }
}
