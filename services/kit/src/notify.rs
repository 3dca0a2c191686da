//! Talking to systemd: READY, STATUS, WATCHDOG, STOPPING. Silent where there is no systemd.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::Clock;

/// The watchdog's feeding hand. The loop that does the work calls [`alive`](Self::alive) as often
/// as it likes; systemd hears it four times per watchdog period at most.
#[derive(Debug)]
pub(crate) struct Notify {
    clock: Clock,
    every_usec: Option<u64>,
    last_usec: AtomicU64,
}

impl Notify {
    pub(crate) fn from_environment(clock: Clock) -> Self {
        let every = sd_notify::watchdog_enabled().map(quarter);
        Self {
            clock,
            every_usec: every,
            last_usec: AtomicU64::new(0),
        }
    }

    pub(crate) fn ready(&self, status: &str) {
        send(&[NotifyState::Ready, NotifyState::Status(status)]);
        self.alive();
    }

    pub(crate) fn status(status: &str) {
        send(&[NotifyState::Status(status)]);
    }

    pub(crate) fn stopping() {
        send(&[NotifyState::Stopping]);
    }

    pub(crate) fn alive(&self) {
        let Some(every) = self.every_usec else { return };
        let now = self.clock.mono_usec();
        let last = self.last_usec.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= every;
        let swap = |last| {
            self.last_usec
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
        };
        if due && swap(last).is_ok() {
            send(&[NotifyState::Watchdog]);
        }
    }
}

fn quarter(period: Duration) -> u64 {
    u64::try_from(period.as_micros() / 4).unwrap_or(u64::MAX)
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify systemd");
    }
}
