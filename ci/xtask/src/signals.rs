//! Ctrl-C, SIGTERM and SIGHUP as a flag that the loops look at.
//!
//! A handler, not a blocked mask with `signalfd`: children inherit a mask over `exec`, a handler
//! they do not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static CAUGHT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn note(_signal: i32) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
}

/// Counts the three signals from now on instead of dying of them.
pub(crate) fn watch() -> anyhow::Result<()> {
    let action = SigAction::new(SigHandler::Handler(note), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let before = install(signal, &action)?;
        if signal == Signal::SIGHUP && matches!(before.handler(), SigHandler::SigIgn) {
            // Started by nohup: it stays ignored. Not so SIGINT, which every shell script makes
            // its background jobs ignore: who sends it to us means us.
            install(signal, &before)?;
        }
    }
    Ok(())
}

#[allow(
    unsafe_code,
    reason = "nix marks every installation of a handler unsafe"
)]
fn install(signal: Signal, action: &SigAction) -> anyhow::Result<SigAction> {
    // SAFETY: the handler is `note`, which only adds to an atomic, or the one that was there.
    let before = unsafe { sigaction(signal, action) };
    before.with_context(|| format!("watch {signal}"))
}

/// How many signals have asked us to end.
pub(crate) fn asked() -> usize {
    CAUGHT.load(Ordering::Relaxed)
}

/// Waits for `time`, or less when a signal comes.
pub(crate) fn pause(time: Duration) {
    let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    // EINTR is the early end that is wanted.
    let _ = poll(&mut [], timeout);
}

/// An error when somebody has asked us to end.
pub(crate) fn check() -> anyhow::Result<()> {
    anyhow::ensure!(asked() == 0, "stopped on request");
    Ok(())
}
