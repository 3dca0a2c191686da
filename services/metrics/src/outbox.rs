//! What waits to leave the node, and the account of it: `accepted = sent + stored + dropped`.
//!
//! [`Queue`] is named for what a sink needs, not for where messages lie: [`Hold`](crate::hold::Hold)
//! keeps them in memory, and the durable queue takes its place behind the same five verbs. A
//! message that is lent to a sink is still stored; it is sent when the peer has acknowledged it.
//! [`Outbox`] is the shared handle: producers put, one sink takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

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

/// Names one lent message until it is settled. Rising in the order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The account of a queue: each accepted message is sent, stored or dropped for a reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Messages handed in since the daemon started.
    pub accepted: u64,
    /// Messages the peer acknowledged.
    pub sent: u64,
    /// Messages waiting, lent ones included.
    pub stored: u64,
    /// Messages given up because the hold was full and newer ones came.
    pub dropped_full: u64,
    /// Messages given up because no broker would take one so large.
    pub dropped_too_big: u64,
}

impl Account {
    /// All drops, whatever the reason.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped_full + self.dropped_too_big
    }
}

/// What a sink needs of the place where messages wait.
pub trait Queue: Send {
    /// Takes a message; may drop older ones for it.
    fn accept(&mut self, message: Message);
    /// The oldest waiting message, which stays stored until it is settled.
    fn lend(&mut self) -> Option<(Ticket, Message)>;
    /// The peer has acknowledged it: it is sent, and forgotten.
    fn settle(&mut self, ticket: Ticket);
    /// The peer is gone: everything lent waits again, in its old order.
    fn reclaim(&mut self);
    /// How the account stands.
    fn account(&self) -> Account;
}

/// The shared handle of one queue. Cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    queue: Mutex<Box<dyn Queue>>,
    arrived: Notify,
}

impl Outbox {
    /// An outbox on top of `queue`.
    #[must_use]
    pub fn new(queue: impl Queue + 'static) -> Self {
        let queue = Mutex::new(Box::new(queue) as Box<dyn Queue>);
        Self(Arc::new(Inner {
            queue,
            arrived: Notify::new(),
        }))
    }

    /// Hands a message over; never waits for the peer.
    pub fn put(&self, message: Message) {
        self.queue().accept(message);
        self.0.arrived.notify_one();
    }

    /// The next message for the sink.
    #[must_use]
    pub fn lend(&self) -> Option<(Ticket, Message)> {
        self.queue().lend()
    }

    /// See [`Queue::settle`].
    pub fn settle(&self, ticket: Ticket) {
        self.queue().settle(ticket);
    }

    /// See [`Queue::reclaim`].
    pub fn reclaim(&self) {
        self.queue().reclaim();
    }

    /// See [`Queue::account`].
    #[must_use]
    pub fn account(&self) -> Account {
        self.queue().account()
    }

    /// Waits until something was put since the last wait. For the one sink.
    pub async fn arrived(&self) {
        self.0.arrived.notified().await;
    }

    /// The lock is held for map operations only; a panic inside leaves a queue that still adds up.
    fn queue(&self) -> MutexGuard<'_, Box<dyn Queue>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Outbox").field(&self.account()).finish()
    }
}
