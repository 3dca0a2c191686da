//! Which events are already taken.
//!
//! The detector signals at most one event a second and camera and lists the rest, so a signal is
//! taken at once only when it is the next in line; otherwise, and once more after each signal, the
//! list is asked. Events from before this daemon started are history, and not ours to send again.

use vigla_bus::detector::Event;

/// How far we have read the detector's events.
#[derive(Debug)]
pub struct Cursor {
    last: u64,
    behind: bool,
    since_usec: u64,
}

impl Cursor {
    /// Takes events from `since_usec` (wall time) on.
    #[must_use]
    pub const fn new(since_usec: u64) -> Self {
        Self {
            last: 0,
            behind: true,
            since_usec,
        }
    }

    /// The detector has started anew, and counts its events from 1.
    pub const fn restarted(&mut self) {
        self.last = 0;
        self.behind = true;
    }

    /// Takes a signalled event if it is the next in line.
    pub fn signalled(&mut self, event: Event) -> Option<Event> {
        self.behind = true;
        if event.id != self.last + 1 {
            return None;
        }
        self.last = event.id;
        self.ours(event)
    }

    /// The id after which the list has to be asked for event `id`; `None` when it is taken.
    #[must_use]
    pub const fn lacks(&self, id: u64) -> Option<u64> {
        if id > self.last {
            Some(self.last)
        } else {
            None
        }
    }

    /// The id after which the list should be asked; `None` when there is nothing to ask for.
    #[must_use]
    pub const fn ask_after(&self) -> Option<u64> {
        if self.behind { Some(self.last) } else { None }
    }

    /// Asks again although nothing was signalled.
    pub const fn doubt(&mut self) {
        self.behind = true;
    }

    /// Takes the list's answer, oldest first. An empty one means that we have everything.
    pub fn listed(&mut self, events: Vec<Event>) -> Vec<Event> {
        self.behind = !events.is_empty();
        let mut new = Vec::new();
        for event in events {
            if event.id > self.last {
                self.last = event.id;
                new.extend(self.ours(event));
            }
        }
        new
    }

    fn ours(&self, event: Event) -> Option<Event> {
        (event.time_usec >= self.since_usec).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [u64; 0] = [];

    fn event(id: u64) -> Event {
        Event {
            id,
            time_usec: 100 + id,
            ..Default::default()
        }
    }

    fn ids(events: impl IntoIterator<Item = Event>) -> Vec<u64> {
        events.into_iter().map(|event| event.id).collect()
    }

    #[test]
    fn a_gap_is_filled_from_the_list_and_nothing_comes_twice() {
        let mut cursor = Cursor::new(0);
        assert_eq!(ids(cursor.signalled(event(1))), [1]);
        assert_eq!(ids(cursor.signalled(event(4))), NONE);
        assert_eq!((cursor.ask_after(), cursor.lacks(4)), (Some(1), Some(1)));
        assert_eq!(
            ids(cursor.listed(vec![event(2), event(3), event(4)])),
            [2, 3, 4]
        );
        assert_eq!(ids(cursor.signalled(event(4))), NONE);
        assert_eq!(cursor.lacks(4), None);
        assert_eq!(ids(cursor.listed(vec![])), NONE);
        assert_eq!(cursor.ask_after(), None);
    }

    #[test]
    fn the_end_of_a_burst_is_asked_for_after_its_only_signal() {
        let mut cursor = Cursor::new(0);
        cursor.listed(vec![]);
        assert_eq!(ids(cursor.signalled(event(1))), [1]);
        assert_eq!(cursor.ask_after(), Some(1));
    }

    #[test]
    fn history_is_skipped_and_a_new_detector_is_read_from_its_start() {
        let mut cursor = Cursor::new(105);
        assert_eq!(ids(cursor.listed((1..=7).map(event).collect())), [5, 6, 7]);
        cursor.restarted();
        let late = Event {
            id: 1,
            time_usec: 500,
            ..Default::default()
        };
        assert_eq!(ids(cursor.listed(vec![late])), [1]);
    }
}
