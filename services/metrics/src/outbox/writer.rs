//! The thread between memory and disk: it moves, marks and syncs, and tries again when the disk fails.
//!
//! It sleeps while there is nothing to do. What was put is written at once, what was written or settled
//! is marked and synced within a second, or the longer time that was asked for. The log is locked during writes to the page cache, and nothing
//! is locked during a sync.

use std::io;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Ear, Inner, Outbox, Stage};
use crate::queue::{Chores, Log};

/// Longest time between a message and the sync that makes it survive a power cut, unless told otherwise. And a disk
/// that failed is tried again so often.
pub const SYNC: Duration = Duration::from_secs(1);
/// How often what waits is looked at for its age.
const AGE: Duration = Duration::from_secs(30);
/// Bytes moved in one go.
const BATCH: usize = 64 << 10;

/// Why nothing is written to disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No room left.
    #[error("the disk is full")]
    Full,
    /// Mounted read-only, or not ours to write.
    #[error("the folder cannot be written to")]
    ReadOnly,
    /// Anything else.
    #[error("{0}")]
    Disk(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            _ => Self::Disk(error.to_string()),
        }
    }
}

/// What the writer woke up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    Message,
    Tick,
    Closed,
}

impl Outbox {
    /// Moves messages to disk until [`close`](Self::close). For a thread of its own.
    pub fn work(&self) {
        self.0.tick();
        loop {
            let wake = self.0.wait();
            if self.0.store(wake != Wake::Message) {
                self.0.arrived.notify_one();
            }
            if wake != Wake::Message {
                self.0.tick();
            }
            if wake == Wake::Closed {
                return;
            }
        }
    }

    /// Everything is put and settled: what waits goes to disk, and [`work`](Self::work) ends.
    pub fn close(&self) {
        let mut stage = self.0.stage();
        stage.closed = true;
        self.0.wake(stage, true);
    }
}

impl Inner {
    fn wait(&self) -> Wake {
        let mut stage = self.stage();
        loop {
            stage.asleep = false;
            if stage.closed {
                return Wake::Closed;
            }
            let mine = stage.ear == Ear::Away && stage.trouble.is_none();
            if mine && stage.hold.waits() && !stage.hold.lends() {
                return Wake::Message;
            }
            let left = stage
                .due
                .map(|due| due.saturating_duration_since(Instant::now()));
            stage.asleep = left != Some(Duration::ZERO);
            stage = match left {
                Some(Duration::ZERO) => return Wake::Tick,
                Some(left) => {
                    self.work
                        .wait_timeout(stage, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .work
                    .wait(stage)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Moves everything that waits in memory to disk. In trouble only when `again` says to try. True when the
    /// sink may find something that it could not before.
    pub(super) fn store(&self, again: bool) -> bool {
        let mut log = self.log();
        let Some(log) = log.as_mut() else {
            return false;
        };
        log.turn(self.running());
        let mut moved = false;
        loop {
            let mut stage = self.stage();
            if stage.trouble.is_some() && !again {
                return moved;
            }
            // Memory may lend no more until what it has lent is settled: then it is the disk's turn.
            stage.draining = stage.hold.lends();
            let mut batch = stage.hold.take(BATCH);
            if batch.is_empty() {
                return moved;
            }
            moved = true;
            stage.writing = batch.len() as u64;
            drop(stage);
            let result = log.append(&mut batch);
            let mut stage = self.stage();
            stage.writing = 0;
            stage.hold.put_back(batch);
            stage.follow(log);
            stage.trouble = result.err().map(Trouble::from);
            if stage.trouble.is_some() {
                return moved;
            }
        }
    }

    /// What is done once a second while something changes.
    fn tick(&self) {
        let mut guard = self.log();
        let chores = match self.marked(&mut guard) {
            Ok(chores) => chores,
            Err(error) => return self.rest(Some(error.into())),
        };
        drop(guard);
        let outcome = chores.map_or(Ok(()), Chores::done);
        let trouble = outcome.map_err(|(error, unfinished)| {
            if let Some(log) = self.log().as_mut() {
                log.undone(unfinished);
            }
            Trouble::from(error)
        });
        self.rest(trouble.err());
    }

    fn marked(&self, log: &mut Option<Log>) -> io::Result<Option<Chores>> {
        if log.is_none() {
            *log = self.opened()?;
        }
        let Some(log) = log.as_mut() else {
            return Ok(None);
        };
        log.turn(self.running());
        log.expire();
        let mut stage = self.stage();
        stage.touched = false;
        log.book(stage.hold.take_ended());
        stage.follow(log);
        drop(stage);
        log.mark()
    }

    /// How long the queue has been running in this process.
    fn running(&self) -> Duration {
        Duration::from_micros(self.clock.mono_usec().saturating_sub(self.began_usec))
    }

    /// The log, opened; what is in memory goes on behind what was found. Not while memory lends.
    fn opened(&self) -> io::Result<Option<Log>> {
        let log = Log::open((self.open_disk)()?, self.limits)?;
        let mut stage = self.stage();
        stage.draining = stage.hold.lends();
        if stage.draining {
            return Ok(None);
        }
        stage.hold.begin_at(log.next());
        stage.accepted += log.account().accepted;
        stage.follow(&log);
        stage.trouble = None;
        drop(stage);
        self.arrived.notify_one();
        Ok(Some(log))
    }

    /// When to look again.
    fn rest(&self, trouble: Option<Trouble>) {
        let mut stage = self.stage();
        stage.trouble = trouble.or(stage.trouble.take());
        // What came since the mark is not synced with it.
        stage.touched |= stage.hold.waits();
        let wait = match &stage.trouble {
            Some(_) => Some(SYNC),
            None if stage.touched => Some(stage.sync),
            None if stage.account().stored > 0 => Some(AGE),
            None => None,
        };
        stage.due = wait.map(|wait| Instant::now() + wait);
    }
}

impl Stage {
    /// Something changed that has to be on disk within that time. True when the writer should know.
    pub(super) fn touch(&mut self) -> bool {
        if std::mem::replace(&mut self.touched, true) {
            return false;
        }
        let due = Instant::now() + self.sync;
        let sooner = self.due.is_none_or(|found| due < found);
        if sooner {
            self.due = Some(due);
        }
        sooner
    }
}

#[cfg(test)]
mod tests {
    use vigla_kit::clock::Clock;

    use super::*;
    use crate::Settings;

    #[test]
    fn a_change_is_due_within_the_time_that_was_asked_for() {
        let settings = Settings::default();
        let (memory, limits) = (settings.hold.limits(), settings.queue.limits());
        let nowhere = || Err(io::ErrorKind::NotFound.into());
        let outbox = Outbox::new(Box::new(nowhere), memory, limits, Clock::system());
        for within in [Duration::from_secs(30), SYNC] {
            outbox.sync_within(within);
            let mut stage = outbox.0.stage();
            (stage.touched, stage.due) = (false, None);
            let before = Instant::now();
            assert!(stage.touch());
            let due = stage.due.unwrap();
            assert!(due >= before + within && due <= Instant::now() + within);
            // What comes after it changes nothing.
            assert!(!stage.touch());
            assert_eq!(stage.due, Some(due));
            drop(stage);
            outbox.0.rest(None);
            let due = outbox.0.stage().due.unwrap();
            assert!(due >= before + within && due <= Instant::now() + within);
        }
    }
}
