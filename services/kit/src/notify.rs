//! Talking to systemd: READY, STATUS, WATCHDOG, STOPPING. Silent where there is no systemd.
//!
//! The socket takes ten datagrams and then blocks, so a thread of its own does the sending: a
//! listener that does not take them may miss a status, but never holds up a daemon.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::Clock;

/// As many as may wait; when full, the newest is dropped.
const WAITING: usize = 32;

/// The watchdog's feeding hand. The loop that does the work calls [`alive`](Self::alive) as often
/// as it likes; systemd hears it four times per watchdog period at most.
#[derive(Debug)]
pub(crate) struct Notify {
    clock: Clock,
    /// `None` where nobody listens.
    out: Option<SyncSender<Notice>>,
    every_usec: Option<u64>,
    last_usec: AtomicU64,
}

#[derive(Debug)]
enum Notice {
    Ready(String),
    Status(String),
    Watchdog,
    Stopping,
}

impl Notify {
    pub(crate) fn from_environment(clock: Clock) -> Self {
        let every = sd_notify::watchdog_enabled().map(quarter);
        let out = std::env::var_os("NOTIFY_SOCKET").and_then(|_| {
            let (out, notices) = sync_channel(WAITING);
            let thread = std::thread::Builder::new().name("notify".into());
            thread.spawn(move || forward(&notices)).ok().map(|_| out)
        });
        Self {
            clock,
            out,
            every_usec: every,
            last_usec: AtomicU64::new(0),
        }
    }

    pub(crate) fn ready(&self, status: &str) {
        self.send(Notice::Ready(status.to_owned()));
        self.alive();
    }

    pub(crate) fn status(&self, status: &str) {
        self.send(Notice::Status(status.to_owned()));
    }

    pub(crate) fn stopping(&self) {
        self.send(Notice::Stopping);
    }

    pub(crate) fn alive(&self) {
        let Some(every) = self.every_usec else { return };
        let now = self.clock.mono_usec();
        let last = self.last_usec.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= every;
        let swap = |last| {
            (self.last_usec).compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
        };
        if due && swap(last).is_ok() {
            self.send(Notice::Watchdog);
        }
    }

    fn send(&self, notice: Notice) {
        if let Some(out) = &self.out {
            let _ = out.try_send(notice);
        }
    }
}

fn quarter(period: Duration) -> u64 {
    u64::try_from(period.as_micros() / 4).unwrap_or(u64::MAX)
}

fn forward(notices: &Receiver<Notice>) {
    while let Ok(notice) = notices.recv() {
        let sent = match &notice {
            Notice::Ready(status) => {
                sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)])
            }
            Notice::Status(status) => sd_notify::notify(&[NotifyState::Status(status)]),
            Notice::Watchdog => sd_notify::notify(&[NotifyState::Watchdog]),
            Notice::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "cannot notify systemd");
        }
    }
}
