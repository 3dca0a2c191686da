//! How the sink hears of messages, and takes them to the disk itself.
//!
//! While it waits it is called instead of the writer. Until it has come, or has turned to something else, nobody
//! else need be woken: who leaves with messages in memory wakes the writer.

use super::Outbox;

/// What the sink does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ear {
    /// Something else: the writer writes.
    Away,
    /// It waits for messages.
    Open,
    /// It was called, and will write what is there.
    Called,
}

impl Ear {
    /// There is a message. True when the sink has to be told.
    pub(super) fn call(&mut self) -> bool {
        let told = *self == Self::Open;
        if told {
            *self = Self::Called;
        }
        told
    }
}

/// Closes the ear, however the waiting ends.
struct Listening<'a>(&'a Outbox);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut stage = self.0.0.stage();
        stage.ear = Ear::Away;
        let left = stage.trouble.is_none() && stage.hold.waits();
        self.0.0.wake(stage, left);
    }
}

impl Outbox {
    /// Waits until something may be lent that could not before. For the one sink, whose thread takes to the disk what
    /// came meanwhile. May be dropped at any time.
    pub async fn arrived(&self) {
        let listening = Listening(self);
        self.0.stage().ear = Ear::Open;
        self.0.arrived.notified().await;
        self.0.store(false);
        drop(listening);
    }
}
