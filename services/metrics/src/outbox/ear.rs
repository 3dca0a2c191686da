//! How the sink hears of messages, and takes them to the disk itself.
//!
//! While it waits it is called instead of the writer, and while it is [there](Attendance) it looks before it waits
//! again: nobody else need be woken. Who leaves with messages in memory wakes the writer.

use std::sync::MutexGuard;

use super::{Inner, Outbox, Stage};

/// What the sink does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ear {
    /// There is none: the writer writes.
    Away,
    /// Something else; it looks before it waits again.
    Busy,
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

/// However the waiting ends, messages are somebody's.
struct Listening<'a>(&'a Outbox);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut stage = self.0.0.stage();
        stage.ear = if stage.attended { Ear::Busy } else { Ear::Away };
        self.0.0.leave(stage);
    }
}

/// A sink that comes back again and again to [`arrived`](Outbox::arrived), until this is dropped.
#[derive(Debug)]
pub struct Attendance(Outbox);

impl Drop for Attendance {
    fn drop(&mut self) {
        let mut stage = self.0.0.stage();
        (stage.attended, stage.ear) = (false, Ear::Away);
        self.0.0.leave(stage);
    }
}

impl Inner {
    /// Without a sink what waits is the writer's.
    fn leave(&self, stage: MutexGuard<'_, Stage>) {
        let left = stage.ear == Ear::Away && stage.trouble.is_none() && stage.hold.waits();
        self.wake(stage, left);
    }
}

impl Outbox {
    /// Waits until something may be lent that could not before. For the one sink, whose thread takes to the disk what
    /// came meanwhile. May be dropped at any time.
    pub async fn arrived(&self) {
        let listening = Listening(self);
        let waits = {
            let mut stage = self.0.stage();
            stage.ear = Ear::Open;
            stage.hold.waits()
        };
        if !(waits && self.0.store(false)) {
            self.0.arrived.notified().await;
            self.0.store(false);
        }
        drop(listening);
    }

    /// From now on the sink comes to [`arrived`](Self::arrived) between whatever else it does, and does nothing that
    /// takes long: the writer is not woken for messages.
    #[must_use]
    pub fn attend(&self) -> Attendance {
        let mut stage = self.0.stage();
        (stage.attended, stage.ear) = (true, Ear::Busy);
        drop(stage);
        Attendance(self.clone())
    }
}
