//! Writing down where the log stands, and what is left to do for the disk then.

use std::io;
use std::sync::Arc;

use super::bookmark::Place;
use super::disk::{Disk, Tape};
use super::lane::{End, Lane};
use super::{EVENTS, Log, SAMPLES};
use crate::outbox::Reason;

/// What has to reach the disk, and what may go when it has.
#[derive(Debug)]
pub struct Chores {
    tapes: Vec<Arc<dyn Tape>>,
    disk: Arc<dyn Disk>,
    finished: Vec<String>,
}

impl Log {
    /// Writes down where the queue stands, if that changed, and says what is left to do: see
    /// [`Chores::done`].
    pub fn mark(&mut self) -> io::Result<Option<Chores>> {
        if !self.stale {
            return Ok(None);
        }
        self.written += self.bookmark.write(self.place())? as u64;
        self.stale = false;
        self.lanes.iter_mut().for_each(Lane::forget_fresh);
        let written = self
            .lanes
            .iter_mut()
            .flat_map(|lane| lane.row.take_unsynced().into_values());
        let tapes = written.chain([self.bookmark.newest()]).collect();
        let finished = self
            .lanes
            .iter_mut()
            .flat_map(|lane| lane.row.take_finished())
            .collect();
        Ok(Some(Chores {
            tapes,
            disk: Arc::clone(&self.disk),
            finished,
        }))
    }

    /// What [`Chores::done`] could not do is tried again with the next mark.
    pub fn undone(&mut self, finished: Vec<String>) {
        self.lanes[SAMPLES].row.finish_later(finished);
        self.stale = true;
    }

    /// What ended ahead of the heads will be found again after a crash, and counts as stored.
    fn place(&self) -> Place {
        let ahead = |end| self.lanes.iter().map(|lane| lane.ahead(end)).sum::<u64>();
        let account = self.account();
        let mut dropped = self.dropped.to_array();
        dropped[Reason::Old as usize] -= ahead(End::Dropped);
        dropped[Reason::Refused as usize] -= ahead(End::Refused);
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
