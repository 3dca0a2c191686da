//! The last 500 events of all cameras, with their pictures; forgotten at a restart. Pictures go
//! earlier: after the time that is set, or when somebody says so.
//!
//! At most 320 pixels wide a picture is about 8 kB, so all of this stays below 5 MB. Ids rise
//! over all cameras, so a client asks for "everything after the last I saw".

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
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
    /// Changes when portraits were made.
    made: watch::Sender<()>,
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
    portrait: Portrait,
    /// By the clock that never jumps.
    since_usec: u64,
}

/// The picture of an event.
#[derive(Debug, Clone)]
pub(crate) enum Portrait {
    /// It is being made: the news does not wait for it.
    Coming,
    Here(Picture),
    /// Never was, or was forgotten.
    None,
}

impl Chronicle {
    /// An empty one that keeps pictures for `keep`.
    pub(crate) fn new(clock: Clock, keep: Duration) -> Self {
        Self {
            pages: Mutex::default(),
            made: watch::Sender::default(),
            clock,
            keep,
        }
    }

    /// Writes the events of one frame, whose pictures are [to follow](Self::illustrate); returns them
    /// with their ids, and with how far the clock can be trusted.
    pub(crate) fn write(&self, events: Vec<Event>) -> Vec<Event> {
        let mut pages = self.pages();
        let mut written = Vec::with_capacity(events.len());
        for mut event in events {
            pages.last_id += 1;
            event.id = pages.last_id;
            self.clock
                .quality()
                .word()
                .clone_into(&mut event.time_quality);
            if pages.entries.len() == KEPT {
                pages.entries.pop_front();
            }
            pages.entries.push_back(Entry {
                event: event.clone(),
                portrait: Portrait::Coming,
                since_usec: self.clock.mono_usec(),
            });
            written.push(event);
        }
        written
    }

    /// Adds the pictures of events, or that there are none. One that was to be forgotten meanwhile is.
    pub(crate) fn illustrate(&self, pictures: impl Iterator<Item = (u64, Option<Picture>)>) {
        let mut pages = self.pages();
        for (id, picture) in pictures {
            let mut entries = pages.entries.iter_mut().rev();
            if let Some(entry) = entries.find(|entry| entry.event.id == id)
                && matches!(entry.portrait, Portrait::Coming)
            {
                entry.portrait = picture.map_or(Portrait::None, Portrait::Here);
            }
        }
        drop(pages);
        self.made.send_replace(());
    }

    /// Told when portraits were made.
    pub(crate) fn made(&self) -> watch::Receiver<()> {
        self.made.subscribe()
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
    pub(crate) fn portrait(&self, id: u64) -> Portrait {
        self.forget_old();
        let pages = self.pages();
        let mut entries = pages.entries.iter();
        let entry = entries.find(|entry| entry.event.id == id);
        entry.map_or(Portrait::None, |entry| entry.portrait.clone())
    }

    /// Forgets the pictures of these events; of all when none is named.
    pub(crate) fn forget(&self, ids: &[u64]) {
        for entry in &mut self.pages().entries {
            if ids.is_empty() || ids.contains(&entry.event.id) {
                entry.portrait = Portrait::None;
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
            entry.portrait = Portrait::None;
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

    fn write(chronicle: &Chronicle) {
        let events = chronicle.write(vec![Event::default()]);
        let picture = Some(Arc::from([1u8, 2]));
        chronicle.illustrate(events.iter().map(|event| (event.id, picture.clone())));
    }

    #[test]
    fn each_event_says_how_far_its_time_can_be_trusted() {
        let events = written(1).after(0, 1);
        assert_eq!(events[0].time_quality, "floor");
    }

    fn written(count: usize) -> Chronicle {
        let chronicle = Chronicle::new(Clock::manual(0), Duration::from_mins(1));
        for _ in 0..count {
            write(&chronicle);
        }
        chronicle
    }

    fn picture(chronicle: &Chronicle, id: u64) -> Option<Picture> {
        match chronicle.portrait(id) {
            Portrait::Here(picture) => Some(picture),
            Portrait::Coming | Portrait::None => None,
        }
    }

    #[test]
    fn a_portrait_follows_its_event_unless_it_was_forgotten() {
        let chronicle = written(0);
        chronicle.write(vec![Event::default(), Event::default(), Event::default()]);
        assert!(matches!(chronicle.portrait(1), Portrait::Coming));
        chronicle.forget(&[2]);
        let jpeg: Picture = Arc::from([1u8]);
        let pictures = [(1, Some(jpeg.clone())), (2, Some(jpeg)), (3, None)];
        chronicle.illustrate(pictures.into_iter());
        assert!(matches!(chronicle.portrait(1), Portrait::Here(_)));
        assert!(matches!(chronicle.portrait(2), Portrait::None));
        assert!(matches!(chronicle.portrait(3), Portrait::None));
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
        assert!(picture(&chronicle, 3).is_none());
        assert_eq!(&*picture(&chronicle, 4).unwrap(), [1, 2]);
        assert_eq!(chronicle.after(0, KEPT + 1).len(), KEPT);
    }

    #[test]
    fn forgets_pictures_when_told_and_in_time_but_not_events() {
        let chronicle = written(3);
        chronicle.forget(&[2, 99]);
        assert!(picture(&chronicle, 2).is_none() && picture(&chronicle, 3).is_some());
        chronicle.forget(&[]);
        assert!(picture(&chronicle, 3).is_none());
        write(&chronicle);
        chronicle.clock.advance(Duration::from_secs(59));
        assert!(picture(&chronicle, 4).is_some());
        chronicle.clock.advance(Duration::from_secs(1));
        chronicle.forget_old();
        assert!(picture(&chronicle, 4).is_none());
        assert_eq!(chronicle.after(0, 9).len(), 4);
    }
}
