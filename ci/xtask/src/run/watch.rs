//! One service under our eyes: started again when it dies, as systemd would on a device.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use vigla_testkit::{Daemon, DaemonBuilder};

use crate::stop::{self, Stop};
use crate::{say, signals};

/// The wait before the first restart; it doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);
/// A service that lived this long starts over with the shortest wait.
const HEALTHY: Duration = Duration::from_secs(20);
/// As `TimeoutStopSec` in the units.
const DRAIN: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(10);

/// A service and what is known of it.
#[derive(Debug)]
pub(super) struct Watched {
    daemon: Option<Daemon>,
    since: Instant,
    wait: Duration,
}

/// What a look at a service has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It runs, or its pause is not over.
    Nothing,
    /// It ended because the bus is away.
    NoBus,
}

impl Watched {
    pub(super) fn start(builder: &DaemonBuilder<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            daemon: Some(builder.launch()?),
            since: Instant::now(),
            wait: SHORTEST,
        })
    }

    /// Waits until it says that it is ready.
    pub(super) fn wait_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let Some(daemon) = &mut self.daemon else {
            return Ok(());
        };
        let ready = daemon.wait_ready(patience);
        ready.map_err(
            |error| match daemon.child().ended().and_then(|status| status.code()) {
                Some(code) if code == i32::from(stop::CONFIG) => {
                    Stop::with(stop::CONFIG, format!("{error:#}"))
                }
                _ => error,
            },
        )
    }

    /// Looks whether it has ended, and starts it again when its pause is over.
    pub(super) fn look(&mut self, noun: &str, again: &DaemonBuilder<'_>) -> anyhow::Result<Found> {
        let Some(daemon) = &mut self.daemon else {
            if self.since.elapsed() >= self.wait {
                self.daemon = Some(again.launch()?);
                self.since = Instant::now();
            }
            return Ok(Found::Nothing);
        };
        let Some(status) = daemon.child().ended() else {
            return Ok(Found::Nothing);
        };
        let log = daemon.log();
        let last = log
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("it said nothing");
        if status.code() == Some(i32::from(stop::CONFIG)) {
            return Err(Stop::with(
                stop::CONFIG,
                format!("`vigla-{noun}` refuses its settings: {last}"),
            ));
        }
        self.wait = if self.since.elapsed() > HEALTHY {
            SHORTEST
        } else {
            LONGEST.min(self.wait * 2)
        };
        say::trouble(format_args!(
            "  {noun:<10} ended with {status}, again in {}: {last}",
            say::seconds(self.wait)
        ));
        self.daemon = None;
        self.since = Instant::now();
        let no_bus = status.code() == Some(i32::from(stop::UNAVAILABLE));
        Ok(if no_bus { Found::NoBus } else { Found::Nothing })
    }

    /// SIGTERM, and waits until it has drained; one that does not is killed, and said to be.
    pub(super) fn stop(self, noun: &str) {
        let Some(mut daemon) = self.daemon else {
            return;
        };
        let _ = daemon.child().signal(Signal::SIGTERM);
        let deadline = Instant::now() + DRAIN;
        // A second Ctrl-C has no patience. What still lives is killed when it is dropped.
        while daemon.child().ended().is_none() && signals::asked() < 2 {
            if Instant::now() > deadline {
                say::trouble(format_args!(
                    "  {noun:<10} did not end within {} s, killed",
                    DRAIN.as_secs()
                ));
                break;
            }
            signals::pause(TICK);
        }
    }
}
