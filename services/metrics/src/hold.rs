//! The queue in memory: bounded, and the newest wins.
//!
//! While the broker is away counting goes on, and what does not fit is dropped from the old end:
//! first samples (the next one comes in a second anyway), then events. Nothing survives a restart
//! of the daemon; that is the durable queue's part.

use std::collections::BTreeMap;

use crate::outbox::{Account, Message, Queue, Ticket, Worth};

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most messages.
    pub messages: usize,
    /// Most bytes of topics and payloads together.
    pub bytes: usize,
    /// Largest single message in bytes; larger ones are dropped at once.
    pub largest: usize,
}

/// A bounded queue in memory.
#[derive(Debug)]
pub struct Hold {
    limits: Limits,
    samples: BTreeMap<Ticket, Message>,
    events: BTreeMap<Ticket, Message>,
    lent: BTreeMap<Ticket, Message>,
    bytes: usize,
    account: Account,
}

impl Hold {
    /// An empty hold.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            samples: BTreeMap::new(),
            events: BTreeMap::new(),
            lent: BTreeMap::new(),
            bytes: 0,
            account: Account {
                accepted: 0,
                sent: 0,
                stored: 0,
                dropped_full: 0,
                dropped_too_big: 0,
            },
        }
    }

    fn wait(&mut self, ticket: Ticket, message: Message) {
        match message.worth {
            Worth::Sample => self.samples.insert(ticket, message),
            Worth::Event => self.events.insert(ticket, message),
        };
    }

    fn forget(&mut self, message: &Message) {
        self.bytes -= message.cost();
        self.account.stored -= 1;
    }

    /// Lent messages are never dropped: the peer may have them already.
    fn make_room(&mut self) {
        while self.stored() > self.limits.messages || self.bytes > self.limits.bytes {
            let Some((_, message)) = self.samples.pop_first().or_else(|| self.events.pop_first())
            else {
                return;
            };
            self.forget(&message);
            self.account.dropped_full += 1;
        }
    }

    fn stored(&self) -> usize {
        self.samples.len() + self.events.len() + self.lent.len()
    }
}

impl Queue for Hold {
    fn accept(&mut self, message: Message) {
        self.account.accepted += 1;
        if message.cost() > self.limits.largest {
            self.account.dropped_too_big += 1;
            return;
        }
        self.account.stored += 1;
        self.bytes += message.cost();
        self.wait(Ticket(self.account.accepted), message);
        self.make_room();
    }

    fn lend(&mut self) -> Option<(Ticket, Message)> {
        let sample = self.samples.first_key_value().map(|(ticket, _)| *ticket);
        let event = self.events.first_key_value().map(|(ticket, _)| *ticket);
        let (ticket, message) = match (sample, event) {
            (None, None) => None,
            (Some(s), Some(e)) if s < e => self.samples.pop_first(),
            (Some(_), None) => self.samples.pop_first(),
            (_, Some(_)) => self.events.pop_first(),
        }?;
        self.lent.insert(ticket, message.clone());
        Some((ticket, message))
    }

    fn settle(&mut self, ticket: Ticket) {
        if let Some(message) = self.lent.remove(&ticket) {
            self.forget(&message);
            self.account.sent += 1;
        }
    }

    fn reclaim(&mut self) {
        for (ticket, message) in std::mem::take(&mut self.lent) {
            self.wait(ticket, message);
        }
        self.make_room();
    }

    fn account(&self) -> Account {
        self.account
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        messages: 3,
        bytes: 1000,
        largest: 100,
    };

    fn message(text: &str, worth: Worth) -> Message {
        Message {
            topic: String::from("t"),
            payload: text.as_bytes().to_vec(),
            worth,
        }
    }

    fn lend_all(hold: &mut Hold) -> Vec<String> {
        std::iter::from_fn(|| hold.lend())
            .map(|(_, message)| String::from_utf8(message.payload).unwrap())
            .collect()
    }

    #[test]
    fn the_newest_wins_and_samples_go_before_events() {
        let mut hold = Hold::new(LIMITS);
        hold.accept(message("event", Worth::Event));
        for text in ["1", "2", "3"] {
            hold.accept(message(text, Worth::Sample));
        }
        assert_eq!(hold.account().dropped_full, 1);
        assert_eq!(lend_all(&mut hold), ["event", "2", "3"]);
    }

    #[test]
    fn old_events_go_when_there_are_only_events() {
        let mut hold = Hold::new(LIMITS);
        for text in ["1", "2", "3", "4"] {
            hold.accept(message(text, Worth::Event));
        }
        assert_eq!(lend_all(&mut hold), ["2", "3", "4"]);
    }

    #[test]
    fn what_was_lent_comes_back_in_its_old_place() {
        let mut hold = Hold::new(LIMITS);
        hold.accept(message("1", Worth::Sample));
        hold.accept(message("2", Worth::Event));
        let (first, _) = hold.lend().unwrap();
        hold.lend().unwrap();
        hold.settle(first);
        hold.accept(message("3", Worth::Sample));
        hold.reclaim();
        assert_eq!(lend_all(&mut hold), ["2", "3"]);
        assert_eq!(hold.account().sent, 1);
    }

    #[test]
    fn drops_what_no_broker_would_take() {
        let mut hold = Hold::new(LIMITS);
        hold.accept(message(&"x".repeat(200), Worth::Event));
        assert_eq!(
            (hold.account().stored, hold.account().dropped_too_big),
            (0, 1)
        );
    }

    proptest! {
        #[test]
        fn the_account_always_adds_up(steps in proptest::collection::vec((0_u8..6, 0_usize..150), 0..200)) {
            let mut hold = Hold::new(LIMITS);
            let mut lent = Vec::new();
            for (step, size) in steps {
                match step {
                    0 | 1 => hold.accept(message(&"x".repeat(size), Worth::Sample)),
                    2 => hold.accept(message(&"x".repeat(size), Worth::Event)),
                    3 => lent.extend(hold.lend().map(|(ticket, _)| ticket)),
                    4 => { if let Some(ticket) = lent.pop() { hold.settle(ticket) } }
                    _ => { hold.reclaim(); lent.clear() }
                }
                let account = hold.account();
                prop_assert_eq!(account.accepted, account.sent + account.stored + account.dropped());
                prop_assert_eq!(account.stored, hold.stored() as u64);
                let all = [&hold.samples, &hold.events, &hold.lent];
                prop_assert_eq!(hold.bytes, all.iter().flat_map(|m| m.values()).map(Message::cost).sum::<usize>());
            }
        }
    }
}
