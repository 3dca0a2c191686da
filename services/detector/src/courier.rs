//! How often a camera may speak on the bus: one event a second, the newest wins.
//!
//! The first event after a quiet second goes out at once. What happens within the second waits,
//! and only the newest of it is sent when the second is over, because its counts are the ones
//! that hold. Nothing is lost: every event is in the log (`ListEvents`).

use vigla_bus::detector::Event;

/// The shortest time between two signals of one camera, microseconds.
const PACE_USEC: u64 = 1_000_000;

/// The pace of one camera.
#[derive(Debug, Default)]
pub(crate) struct Courier {
    sent_usec: Option<u64>,
    waiting: Option<Event>,
}

impl Courier {
    /// Takes what happened on one frame; `mono_usec` is now. Call it with nothing on quiet
    /// frames: that is when a waiting event leaves.
    pub(crate) fn post(&mut self, events: &[Event], mono_usec: u64) -> Option<Event> {
        if let Some(newest) = events.last() {
            self.waiting = Some(newest.clone());
        }
        let due = self
            .sent_usec
            .is_none_or(|sent| mono_usec.saturating_sub(sent) >= PACE_USEC);
        if !due {
            return None;
        }
        let event = self.waiting.take()?;
        self.sent_usec = Some(mono_usec);
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u64) -> Event {
        Event {
            id,
            ..Event::default()
        }
    }

    #[test]
    fn the_first_goes_at_once_and_the_newest_follows_after_a_second() {
        let mut courier = Courier::default();
        assert_eq!(courier.post(&[event(1)], 0).unwrap().id, 1);
        assert!(courier.post(&[event(2), event(3)], 100_000).is_none());
        assert!(courier.post(&[event(4)], 900_000).is_none());
        assert_eq!(courier.post(&[], 1_000_000).unwrap().id, 4);
        assert!(courier.post(&[], 2_000_000).is_none());
    }

    #[test]
    fn never_more_than_one_a_second() {
        let mut courier = Courier::default();
        let sent = (0..100u64)
            .filter(|n| courier.post(&[event(*n)], n * 100_000).is_some())
            .count();
        assert_eq!(sent, 10);
    }
}
