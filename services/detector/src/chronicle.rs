//! The last 500 events of all cameras, with their pictures; forgotten at a restart. Pictures go
//! earlier: after the time that is set, or when somebody says so.
//!
//! At most 320 pixels wide a picture is about 8 kB, so all of this stays below 5 MB. Ids rise
//! over all cameras, so a client asks for "everything after the last I saw".

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vigla_bus::detector::Event;
use vigla_kit::Clock;

/// How many events are kept.
pub(crate) const KEPT: usize = 500;

/// A JPEG.
pub(crate) type Picture = Arc<[u8]>;

/// The log. Camera threads write, the bus object reads; no lock is held over anything slow.
#[derive(Debug)]
pub(crate) struct Chronicle {
    pages: Mutex<Pages>,
    clock: Clock,
    /// How long pictures are kept.
    keep: Duration,
}

#[derive(Debug, Default)]
struct Pages {
    last_id: u64,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    event: Event,
    picture: Option<Picture>,
    /// By the clock that never jumps.
    since_usec: u64,
}

impl Chronicle {
    /// An empty one that keeps pictures for `keep`.
    pub(crate) fn new(clock: Clock, keep: Duration) -> Self {
        Self {
            pages: Mutex::default(),
            clock,
            keep,
        }
    }

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
            pages.entries.push_back(Entry {
                event: event.clone(),
                picture,
                since_usec: self.clock.mono_usec(),
            });
            written.push(event);
        }
        written
    }

    /// The newest `limit` events with an id above `after`, oldest first.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Vec<Event> {
        let pages = self.pages();
        let events = pages.entries.iter().rev().map(|entry| &entry.event);
        let fresh = events.take_while(|event| event.id > after);
        let mut events: Vec<_> = fresh.take(limit).cloned().collect();
        events.reverse();
        events
    }

    /// The picture of event `id`, if both are still kept.
    pub(crate) fn picture(&self, id: u64) -> Option<Picture> {
        self.forget_old();
        let pages = self.pages();
        let entry = pages.entries.iter().find(|entry| entry.event.id == id)?;
        entry.picture.clone()
    }

    /// Forgets the pictures of these events; of all when none is named.
    pub(crate) fn forget(&self, ids: &[u64]) {
        for entry in &mut self.pages().entries {
            if ids.is_empty() || ids.contains(&entry.event.id) {
                entry.picture = None;
            }
        }
    }

    /// Forgets pictures that were kept for long enough.
    pub(crate) fn forget_old(&self) {
        let keep = u64::try_from(self.keep.as_micros()).unwrap_or(u64::MAX);
        let now = self.clock.mono_usec();
        let mut pages = self.pages();
        let old = |entry: &&mut Entry| now.saturating_sub(entry.since_usec) >= keep;
        for entry in pages.entries.iter_mut().take_while(old) {
            entry.picture = None;
        }
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
        let chronicle = Chronicle::new(Clock::manual(0), Duration::from_mins(1));
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

    #[test]
    fn forgets_pictures_when_told_and_in_time_but_not_events() {
        let chronicle = written(3);
        chronicle.forget(&[2, 99]);
        assert!(chronicle.picture(2).is_none() && chronicle.picture(3).is_some());
        chronicle.forget(&[]);
        assert!(chronicle.picture(3).is_none());
        chronicle.write(vec![(Event::default(), Some(Arc::from([1u8, 2])))]);
        chronicle.clock.advance(Duration::from_secs(59));
        assert!(chronicle.picture(4).is_some());
        chronicle.clock.advance(Duration::from_secs(1));
        chronicle.forget_old();
        assert!(chronicle.picture(4).is_none());
        assert_eq!(chronicle.after(0, 9).len(), 4);
    }
}
