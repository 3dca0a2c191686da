//! What waits to leave the node, and the account of it: `accepted = sent + stored + dropped`.
//!
//! Producers put, one sink takes. A message goes from memory (the [`Hold`]) to disk
//! (the [`Log`]) on another thread, so that no disk, however slow, holds up the
//! counting, and from there to the sink: on the sink's own while there is one, else on the writer's.
//! So one thread is woken for a message that is sent at once. When the disk does not work the sink is served from
//! memory.
//! A message that is lent is still stored; it is sent when the peer has acknowledged it.

mod account;
mod ear;
mod writer;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use vigla_kit::clock::Clock;

pub use account::{Account, Dropped, Reason};
pub use ear::Attendance;
use ear::Ear;
pub use writer::{SYNC, Trouble};

use crate::hold::{self, Hold};
use crate::queue::{Disk, Limits, Log};

/// What a message is worth when not all can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// One of a series: the next one comes in a second. Dropped first.
    Sample,
    /// Said once. Dropped only when no sample is left to drop.
    Event,
}

/// One message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic below the broker's root.
    pub topic: String,
    /// The bytes that the peer gets.
    pub payload: Vec<u8>,
    /// What it is worth when room is short.
    pub worth: Worth,
}

impl Message {
    /// What it costs to keep it, in bytes.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

/// Names one message until it is settled. Rising in the order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Makes the folder of the queue. Tried again until it works.
pub type OpenDisk = Box<dyn Fn() -> std::io::Result<Arc<dyn Disk>> + Send + Sync>;

/// The shared handle of one queue. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    /// For the producers. Held for map operations only, never during one of a disk.
    stage: Mutex<Stage>,
    /// For the sink and the writer. Taken before `stage` when both are needed.
    log: Mutex<Option<Log>>,
    work: Condvar,
    arrived: Notify,
    open_disk: OpenDisk,
    limits: Limits,
    clock: Clock,
    /// When this began, by the monotonic clock.
    began_usec: u64,
}

/// What is not on disk, and how the rest stands.
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent facts about the writer"
)]
struct Stage {
    hold: Hold,
    accepted: u64,
    /// Taken out of the hold, and being written just now.
    writing: u64,
    /// How the log stands, as of the last change.
    log: Account,
    log_bytes: u64,
    oldest_secs: Option<u32>,
    trouble: Option<Trouble>,
    /// In trouble, memory serves the sink; but not while it should run empty for the disk's next try.
    draining: bool,
    /// When the writer has to look, whatever happens.
    due: Option<Instant>,
    /// Something changed since the last mark, and `due` knows.
    touched: bool,
    /// Longest time between a message and the sync that makes it survive a power cut.
    sync: Duration,
    /// The writer sleeps, and nobody has woken it yet: to wake it is a call of the kernel.
    asleep: bool,
    /// Whether the sink waits for messages.
    ear: Ear,
    /// A sink is there, and comes back to its waiting.
    attended: bool,
    closed: bool,
}

/// How the queue stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub account: Account,
    /// Bytes on disk.
    pub bytes: u64,
    /// How long the oldest message on disk has waited, in seconds.
    pub oldest_secs: Option<u32>,
    /// Messages that are in memory alone.
    pub in_memory: u64,
    /// Why nothing is written to disk, if so.
    pub trouble: Option<Trouble>,
}

impl Outbox {
    /// An empty outbox on top of the disk that `open_disk` gives. Nothing happens on disk until
    /// [`work`](Self::work) runs.
    #[must_use]
    pub fn new(open_disk: OpenDisk, memory: hold::Limits, limits: Limits, clock: Clock) -> Self {
        let stage = Stage {
            hold: Hold::new(memory, limits.keep),
            accepted: 0,
            writing: 0,
            log: Account::default(),
            log_bytes: 0,
            oldest_secs: None,
            trouble: None,
            draining: false,
            due: None,
            touched: false,
            sync: SYNC,
            asleep: false,
            ear: Ear::Away,
            attended: false,
            closed: false,
        };
        Self(Arc::new(Inner {
            stage: Mutex::new(stage),
            log: Mutex::new(None),
            work: Condvar::new(),
            arrived: Notify::new(),
            open_disk,
            limits,
            began_usec: clock.mono_usec(),
            clock,
        }))
    }

    /// Hands a message over; waits for no disk and no peer.
    pub fn put(&self, message: Message) {
        self.put_all(vec![message]);
    }

    /// Hands messages over that belong together. The sink is called once, and takes them in one piece to the disk
    /// and to the peer; one by one it would be as quick as who puts them, and pay for each.
    pub fn put_all(&self, messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let mut stage = self.0.stage();
        for message in messages {
            stage.accepted += 1;
            stage.hold.accept(message);
        }
        let sooner = stage.touch();
        let in_memory = stage.trouble.is_some();
        let sink = stage.ear.call();
        let writes = !in_memory && stage.ear == Ear::Away;
        self.0.wake(stage, sooner || writes);
        if sink || in_memory {
            self.0.arrived.notify_one();
        }
    }

    /// The oldest message that waits. It stays stored until it is settled.
    #[must_use]
    pub fn lend(&self) -> Option<(Ticket, Message)> {
        self.lend_up_to(1).pop()
    }

    /// The oldest messages that wait, in order.
    #[must_use]
    pub fn lend_up_to(&self, most: usize) -> Vec<(Ticket, Message)> {
        let mut log = self.0.log();
        let mut lent = Vec::with_capacity(most);
        let on_disk = || log.as_mut().and_then(Log::lend);
        lent.extend(std::iter::from_fn(on_disk).take(most));
        let mut stage = self.0.stage();
        if let Some(log) = log.as_ref() {
            stage.follow(log);
        }
        // Nothing is being written while we have the log, so memory holds the rest.
        if stage.trouble.is_some() && !stage.draining {
            let rest = most - lent.len();
            lent.extend(std::iter::from_fn(|| stage.hold.lend()).take(rest));
        }
        lent
    }

    /// The peer has acknowledged it: it is sent, and forgotten.
    pub fn settle(&self, ticket: Ticket) {
        self.settle_all(&[ticket]);
    }

    /// The peer has acknowledged them all.
    pub fn settle_all(&self, tickets: &[Ticket]) {
        self.end(tickets, Log::settle, Hold::settle);
    }

    /// The peer has answered that it does not want it: it is dropped, and forgotten.
    pub fn refuse(&self, ticket: Ticket) {
        self.end(&[ticket], Log::refuse, Hold::refuse);
    }

    /// Ends some that are lent: each on disk, else in memory.
    fn end(
        &self,
        tickets: &[Ticket],
        on_disk: impl Fn(&mut Log, Ticket) -> bool,
        in_memory: impl Fn(&mut Hold, Ticket),
    ) {
        let mut log = self.0.log();
        let mut stage = self.0.stage();
        for ticket in tickets {
            if !log.as_mut().is_some_and(|log| on_disk(log, *ticket)) {
                in_memory(&mut stage.hold, *ticket);
            }
        }
        if let Some(log) = log.as_ref() {
            stage.follow(log);
        }
        let sooner = stage.touch();
        self.0.wake(stage, sooner);
    }

    /// The peer is gone: everything lent waits again, in its old order.
    pub fn reclaim(&self) {
        let mut log = self.0.log();
        if let Some(log) = log.as_mut() {
            log.reclaim();
        }
        self.0.stage().hold.reclaim();
    }

    /// From now on what changed is synced within this time, [`SYNC`] at first. What is written survives the end of
    /// the daemon all the same; a power cut costs what was not synced. True when it was another time before.
    pub fn sync_within(&self, sync: Duration) -> bool {
        std::mem::replace(&mut self.0.stage().sync, sync) != sync
    }

    /// How the account stands.
    #[must_use]
    pub fn account(&self) -> Account {
        self.0.stage().account()
    }

    /// How the queue stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let stage = self.0.stage();
        Standing {
            account: stage.account(),
            bytes: stage.log_bytes,
            oldest_secs: stage.oldest_secs,
            in_memory: stage.hold.account().stored + stage.writing,
            trouble: stage.trouble.clone(),
        }
    }
}

impl Stage {
    fn account(&self) -> Account {
        let hold = self.hold.account();
        Account {
            accepted: self.accepted,
            sent: self.log.sent + hold.sent,
            stored: self.log.stored + hold.stored + self.writing,
            dropped: self.log.dropped + hold.dropped,
        }
    }

    fn follow(&mut self, log: &Log) {
        self.log = log.account();
        self.log_bytes = log.bytes();
        self.oldest_secs = log.oldest_secs();
    }
}

impl Inner {
    /// A panic inside leaves a stage that still adds up.
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer if there is something for it, and nobody has done so.
    fn wake(&self, mut stage: MutexGuard<'_, Stage>, work: bool) {
        let asleep = work && std::mem::take(&mut stage.asleep);
        drop(stage);
        if asleep {
            self.work.notify_one();
        }
    }

    fn log(&self) -> MutexGuard<'_, Option<Log>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Outbox").field(&self.account()).finish()
    }
}
