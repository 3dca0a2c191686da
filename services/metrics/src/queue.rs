//! The durable queue: an append log on disk, bounded in bytes and age, with an account that survives.
//!
//! Two [lanes](lane) of segment files, samples and events, and a [bookmark] that says once a second
//! what is settled. Everything written survives the death of the daemon at once and a power cut after
//! the next sync. Messages leave in the order in which they came. No part waits, and no part knows
//! about threads or peers: that is [`outbox`](crate::outbox)'s.
//!
//! Age is counted in seconds of the queue's own clock, which runs while the daemon runs and goes on
//! where it stood; so a wall clock that jumps by a year drops nothing.

mod bookmark;
mod disk;
mod lane;
mod reading;
mod record;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bookmark::{Bookmark, Place};
pub use disk::{Disk, Folder, Tape};
use lane::{End, Lane};
use record::Record;

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

/// What has to reach the disk, and what may go when it has.
#[derive(Debug)]
pub struct Chores {
    tapes: Vec<Arc<dyn Tape>>,
    disk: Arc<dyn Disk>,
    finished: Vec<String>,
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
        // Without a bookmark only what was found is known.
        let accepted = if place.edition == 0 {
            pending
        } else {
            place.accepted + (next - place.next)
        };
        dropped.add(
            Reason::Damaged,
            accepted.saturating_sub(place.sent + dropped.total() + pending),
        );
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
        self.lanes.iter().map(Lane::bytes).sum()
    }

    /// Bytes written since the queue was opened.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// How long the oldest message has waited at least, in seconds of running.
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
        let stored = self.lanes.iter().map(Lane::pending).sum();
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

    /// Turns the queue's clock to `running` after it was opened, and drops what is too old.
    pub fn turn(&mut self, running: Duration) {
        let seconds = u32::try_from(running.as_secs()).unwrap_or(u32::MAX);
        self.second = self.opened.saturating_add(seconds);
        let before = Some(self.oldest_allowed());
        for lane in &mut self.lanes {
            while let Some(messages) = lane.drop_oldest(before) {
                self.dropped.add(Reason::Old, messages);
                self.stale = true;
            }
        }
    }

    fn oldest_allowed(&self) -> u32 {
        self.second
            .saturating_sub(u32::try_from(self.limits.age.as_secs()).unwrap_or(u32::MAX))
    }

    /// Writes `batch`, which is in order. When it fails nothing of a lane's part is in.
    pub fn append(&mut self, batch: &mut Vec<(Ticket, Message)>) -> io::Result<()> {
        self.stale |= !batch.is_empty();
        for lane in [EVENTS, SAMPLES] {
            let worth = [Worth::Sample, Worth::Event][lane];
            while let Some(first) = batch.iter().position(|(_, message)| message.worth == worth) {
                if !self.make_room(lane) {
                    self.next = self.next.max(batch[first].0.0 + 1);
                    self.dropped.add(Reason::Full, 1);
                    batch.remove(first);
                    continue;
                }
                self.write(lane, worth, batch)?;
            }
        }
        Ok(())
    }

    /// Writes as much of `batch` as one segment takes, and removes it from there.
    fn write(
        &mut self,
        lane: usize,
        worth: Worth,
        batch: &mut Vec<(Ticket, Message)>,
    ) -> io::Result<()> {
        let first = batch
            .iter()
            .find(|(_, message)| message.worth == worth)
            .map_or(0, |(ticket, _)| ticket.0);
        let (tape, base, offset) =
            self.lanes[lane].room(&*self.disk, first, self.limits.segment)?;
        let (mut bytes, mut messages, mut last) = (Vec::new(), 0, first);
        let fits = |bytes: &Vec<u8>| offset + (bytes.len() as u64) < self.limits.segment;
        for (ticket, message) in batch.iter().filter(|(_, message)| message.worth == worth) {
            if messages > 0 && !fits(&bytes) {
                break;
            }
            let order = u32::try_from(ticket.0 - base).unwrap_or(u32::MAX);
            Record {
                order,
                second: self.second,
                topic: &message.topic,
                payload: &message.payload,
            }
            .append(&mut bytes);
            messages += 1;
            last = ticket.0;
        }
        self.written += bytes.len() as u64;
        tape.write(offset, &bytes)?;
        self.lanes[lane].wrote(messages, bytes.len() as u64, self.second);
        self.next = self.next.max(last + 1);
        batch.retain(|(ticket, message)| message.worth != worth || ticket.0 > last);
        Ok(())
    }

    /// Makes room for a segment of `lane`; false when its message has to go instead.
    fn make_room(&mut self, lane: usize) -> bool {
        // The last tenth is for events when the oldest win: samples may not shut them out.
        let most = match (self.limits.keep, lane) {
            (Keep::Oldest, SAMPLES) => self.limits.bytes / 10 * 9,
            _ => self.limits.bytes,
        }
        .saturating_sub(self.limits.segment);
        while self.bytes() >= most {
            let dropped = match self.limits.keep {
                Keep::Newest => self.lanes[SAMPLES]
                    .drop_oldest(None)
                    .or_else(|| self.lanes[EVENTS].drop_oldest(None)),
                Keep::Oldest => None,
            };
            let Some(messages) = dropped else {
                return false;
            };
            self.dropped.add(Reason::Full, messages);
        }
        true
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
        let ours = self.lanes.iter_mut().any(|lane| lane.settle(ticket.0));
        self.sent += u64::from(ours);
        self.stale |= ours;
        ours
    }

    /// Everything lent waits again.
    pub fn reclaim(&mut self) {
        self.lanes.iter_mut().for_each(Lane::reclaim);
    }

    /// Writes down where the queue stands, if that changed, and says what is left to do: see
    /// [`Chores::done`].
    pub fn mark(&mut self) -> io::Result<Option<Chores>> {
        if !self.stale {
            return Ok(None);
        }
        self.written += self.bookmark.write(self.place())? as u64;
        self.stale = false;
        let written = self
            .lanes
            .iter_mut()
            .flat_map(|lane| lane.take_unsynced().into_values());
        let tapes = written.chain([self.bookmark.tape()]).collect();
        let finished = self
            .lanes
            .iter_mut()
            .flat_map(Lane::take_finished)
            .collect();
        Ok(Some(Chores {
            tapes,
            disk: Arc::clone(&self.disk),
            finished,
        }))
    }

    /// What [`Chores::done`] could not do is tried again with the next mark.
    pub fn undone(&mut self, finished: Vec<String>) {
        self.lanes[SAMPLES].finish_later(finished);
        self.stale = true;
    }

    /// What ended ahead of the heads will be found again after a crash, and counts as stored.
    fn place(&self) -> Place {
        let ahead = |end| self.lanes.iter().map(|lane| lane.ahead(end)).sum::<u64>();
        let account = self.account();
        let mut dropped = self.dropped.to_array();
        dropped[Reason::Old as usize] -= ahead(End::Dropped);
        Place {
            edition: 0,
            next: self.next,
            accepted: account.accepted,
            sent: self.sent - ahead(End::Sent),
            dropped,
            heads: [self.lanes[SAMPLES].head(), self.lanes[EVENTS].head()],
            second: self.second,
        }
    }
}

impl Chores {
    /// Syncs what was written, and then removes what is finished. Takes as long as the disk takes;
    /// when it fails, says what is still to be removed.
    pub fn done(mut self) -> Result<(), (io::Error, Vec<String>)> {
        if let Err(error) = self.tapes.iter().try_for_each(|tape| tape.sync()) {
            return Err((error, self.finished));
        }
        while let Some(name) = self.finished.pop() {
            match self.disk.remove(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.finished.push(name);
                    return Err((error, self.finished));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
