//! The last 500 events of all cameras, with their pictures; forgotten at a restart.
//!
//! At most 320 pixels wide a picture is about 8 kB, so all of this stays below 5 MB. Ids rise
//! over all cameras, so a client asks for "everything after the last I saw".

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use vigla_bus::detector::Event;

/// How many events are kept.
pub(crate) const KEPT: usize = 500;

/// A JPEG.
pub(crate) type Picture = Arc<[u8]>;

/// The log. Camera threads write, the bus object reads; no lock is held over anything slow.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    last_id: u64,
    entries: VecDeque<(Event, Option<Picture>)>,
}

impl Chronicle {
    /// Writes the events of one frame with their pictures; returns them with their ids.
    pub(crate) fn write(&self, events: Vec<(Event, Option<Picture>)>) -> Vec<Event> {
        let mut pages = self.pages();
        let mut written = Vec::with_capacity(events.len());
        for (mut event, picture) in events {
            pages.last_id += 1;
            event.id = pages.last_id;
            if pages.entries.len() == KEPT {
                pages.entries.pop_front();
            }
            pages.entries.push_back((event.clone(), picture));
            written.push(event);
        }
        written
    }

    /// The newest `limit` events with an id above `after`, oldest first.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Vec<Event> {
        let pages = self.pages();
        let fresh = pages.entries.iter().rev().take_while(|(e, _)| e.id > after);
        let mut events: Vec<_> = fresh.take(limit).map(|(e, _)| e.clone()).collect();
        events.reverse();
        events
    }

    /// The picture of event `id`, if both are still kept.
    pub(crate) fn picture(&self, id: u64) -> Option<Picture> {
        let pages = self.pages();
        let (_, picture) = pages.entries.iter().find(|(e, _)| e.id == id)?;
        picture.clone()
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        // A panic between two pushes leaves a readable list.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(count: usize) -> Chronicle {
        let chronicle = Chronicle::default();
        for _ in 0..count {
            chronicle.write(vec![(Event::default(), Some(Arc::from([1u8, 2])))]);
        }
        chronicle
    }

    #[test]
    fn hands_out_the_newest_oldest_first() {
        let ids: Vec<_> = written(10).after(3, 4).iter().map(|e| e.id).collect();
        assert_eq!(ids, [7, 8, 9, 10]);
        assert!(written(10).after(10, 4).is_empty());
        assert_eq!(written(10).after(8, 500).len(), 2);
    }

    #[test]
    fn forgets_the_oldest() {
        let chronicle = written(KEPT + 3);
        assert!(chronicle.picture(3).is_none());
        assert_eq!(&*chronicle.picture(4).unwrap(), [1, 2]);
        assert_eq!(chronicle.after(0, KEPT + 1).len(), KEPT);
    }
}
