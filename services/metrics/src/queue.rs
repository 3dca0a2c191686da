//! The durable queue: an append log on disk, bounded in bytes and age, with an account that survives.
//!
//! Two [lanes](lane) of segment files, samples and events, and a [bookmark] that says once a second
//! what is settled. Everything written survives the death of the daemon at once and a power cut after
//! the next sync. Messages leave in the order in which they came. No part waits, and no part knows
//! about threads or peers: that is [`outbox`](crate::outbox)'s.
//!
//! Age is counted in seconds of the queue's own clock, which runs while the daemon runs and goes on
//! where it stood; so a wall clock that jumps by a year drops nothing.

mod append;
mod bookmark;
mod disk;
mod lane;
mod mark;
mod reading;
mod record;
mod row;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bookmark::Bookmark;
pub use disk::{Disk, Folder, Tape};
use lane::{End, Lane};
pub use mark::Chores;

use crate::hold::Keep;
use crate::outbox::{Account, Dropped, Message, Reason, Ticket, Worth};

/// What the queue may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes on disk.
    pub bytes: u64,
    /// Bytes after which a new segment is begun; room is made a segment at a time.
    pub segment: u64,
    /// Largest message in bytes, topic and payload.
    pub largest: usize,
    /// Longest wait of a message.
    pub age: Duration,
    /// Who stays when not all can.
    pub keep: Keep,
}

/// See the module.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    limits: Limits,
    lanes: [Lane; 2],
    bookmark: Bookmark,
    sent: u64,
    dropped: Dropped,
    next: u64,
    second: u32,
    /// The queue's clock when it was opened.
    opened: u32,
    written: u64,
    /// The bookmark on disk says something else.
    stale: bool,
}

const SAMPLES: usize = 0;
const EVENTS: usize = 1;

impl Log {
    /// Opens what is in `disk`, and counts what is damaged there.
    pub fn open(disk: Arc<dyn Disk>, limits: Limits) -> io::Result<Self> {
        let (bookmark, place) = Bookmark::open(&*disk)?;
        let place = place.unwrap_or_default();
        let largest = record::HEAD + limits.largest;
        let (samples, in_samples) =
            Lane::open(&*disk, Worth::Sample, place.heads[SAMPLES], largest)?;
        let (events, in_events) = Lane::open(&*disk, Worth::Event, place.heads[EVENTS], largest)?;
        let next = place.next.max(in_samples.next).max(in_events.next);
        let pending = in_samples.pending + in_events.pending;
        let second = place.second.max(in_samples.newest).max(in_events.newest);
        let mut dropped = Dropped::from_array(place.dropped);
        // Orders begin at 0, so without a bookmark they tell how many there were at least.
        let accepted = place.accepted + (next - place.next);
        let missing = accepted.saturating_sub(place.sent + dropped.total() + pending);
        let sound = bookmark.damaged().is_empty() && place.edition > 0;
        let why = if sound {
            Reason::Damaged
        } else {
            Reason::Unknown
        };
        dropped.add(why, missing);
        if !bookmark.damaged().is_empty() {
            let (files, unknown) = (bookmark.damaged(), missing);
            tracing::error!(
                ?files,
                unknown,
                "the queue's bookmark is damaged, using what else is there"
            );
        }
        Ok(Self {
            disk,
            limits,
            lanes: [samples, events],
            bookmark,
            sent: place.sent,
            dropped,
            next,
            second,
            opened: second,
            written: 0,
            stale: true,
        })
    }

    /// Order of the next message.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.row.bytes()).sum()
    }

    /// Bytes written since the queue was opened.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// How long the oldest message that is stored has waited, in seconds of running; exact after [`expire`](Self::expire).
    #[must_use]
    pub fn oldest_secs(&self) -> Option<u32> {
        self.lanes
            .iter()
            .filter_map(Lane::oldest)
            .min()
            .map(|second| self.second.saturating_sub(second))
    }

    /// The account of everything that came here.
    #[must_use]
    pub fn account(&self) -> Account {
        let stored = self.lanes.iter().map(|lane| lane.row.pending()).sum();
        let accepted = self.sent + self.dropped.total() + stored;
        Account {
            accepted,
            sent: self.sent,
            stored,
            dropped: self.dropped,
        }
    }

    /// Takes over what ended before it came here.
    pub fn book(&mut self, ended: Account) {
        self.sent += ended.sent;
        self.dropped = self.dropped + ended.dropped;
        self.stale |= ended.accepted > 0;
    }

    /// Turns the queue's clock to `running` after it was opened. What is written next is of that time.
    pub fn turn(&mut self, running: Duration) {
        let seconds = u32::try_from(running.as_secs()).unwrap_or(u32::MAX);
        self.second = self.opened.saturating_add(seconds);
    }

    /// Drops what is too old, and looks at what is the oldest then.
    pub fn expire(&mut self) {
        let before = Some(self.oldest_allowed());
        for lane in &mut self.lanes {
            while let Some(messages) = lane.drop_oldest(before) {
                self.dropped.add(Reason::Old, messages);
                self.stale = true;
            }
        }
        // Both are looked at, and what is found damaged on the way is counted.
        self.older_lane();
    }

    fn oldest_allowed(&self) -> u32 {
        self.second
            .saturating_sub(u32::try_from(self.limits.age.as_secs()).unwrap_or(u32::MAX))
    }

    /// The oldest waiting message. What cannot be read, or is too old, is counted on the way.
    pub fn lend(&mut self) -> Option<(Ticket, Message)> {
        let before = self.oldest_allowed();
        loop {
            let lane = self.older_lane()?;
            let old = self.lanes[lane].peek(&mut 0).ok()??.second < before;
            if !old {
                return self.lanes[lane]
                    .take()
                    .map(|hit| (Ticket(hit.order), hit.message));
            }
            self.lanes[lane].skip();
            self.dropped.add(Reason::Old, 1);
            self.stale = true;
        }
    }

    fn older_lane(&mut self) -> Option<usize> {
        let mut older = None;
        for lane in [SAMPLES, EVENTS] {
            let mut lost = 0;
            let peeked = self.lanes[lane].peek(&mut lost);
            if let Ok(Some(hit)) = peeked {
                older = older.into_iter().chain([(hit.order, lane)]).min();
            } else if let Err(error) = peeked {
                tracing::warn!(%error, "cannot read the queue, trying again");
            }
            self.dropped.add(Reason::Damaged, lost);
        }
        older.map(|(_, lane)| lane)
    }

    /// True when it was lent from here, and now is sent.
    pub fn settle(&mut self, ticket: Ticket) -> bool {
        let ours = self.end(ticket, End::Sent);
        self.sent += u64::from(ours);
        ours
    }

    /// True when it was lent from here, and now is dropped: the peer does not want it.
    pub fn refuse(&mut self, ticket: Ticket) -> bool {
        let ours = self.end(ticket, End::Refused);
        self.dropped.add(Reason::Refused, u64::from(ours));
        ours
    }

    fn end(&mut self, ticket: Ticket, end: End) -> bool {
        let ours = self.lanes.iter_mut().any(|lane| lane.settle(ticket.0, end));
        self.stale |= ours;
        ours
    }

    /// Everything lent waits again.
    pub fn reclaim(&mut self) {
        self.lanes.iter_mut().for_each(Lane::reclaim);
    }
}
