//! Keeps one camera going: opens its source, feeds the pipeline, and starts over when it fails.
//!
//! ```text
//!            device there                first picture
//!  absent ──────────────► starting ─────────────────────► streaming
//!    ▲                        │ cannot open                   │ fails, stalls
//!    │ device gone            ▼                               │
//!    └──────────────────── failed (waits, longer each time) ◄─┘
//! ```
//!
//! Runs on the capture thread of the camera for the whole life of the daemon. What a source is
//! stands in [`source`](crate::source); when to try again in [`Backoff`]; what a failure is called in
//! `verdict`.

mod backoff;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use vigla_bus::{Problem, chain};
use vigla_kit::Problems;

use self::backoff::Backoff;
use self::verdict::{LOOKS, SOURCE_CODES, judge};
use crate::board::{Board, State};
use crate::health::Look;
use crate::metrics::CameraMetrics;
use crate::pipeline::Pipeline;
use crate::pulse::Beat;
use crate::source::{Source, SourceError};

/// How long a source is waited for at a time; the loop looks at its surroundings in between.
const PATIENCE: Duration = Duration::from_millis(500);
/// A source without a whole picture for this long is started over.
const STALL: Duration = Duration::from_secs(10);
/// Without a picture for this long the rate is zero.
const QUIET: Duration = Duration::from_secs(2);
/// How often an unplugged device is looked for, besides being told.
const GONE: Duration = Duration::from_secs(1);
/// Only a failure that lasts is a problem, by its repetitions or by the time without a picture: a
/// device node gets its permissions a moment after it appears.
const TOLERATED: u32 = 2;
const LASTING: Duration = Duration::from_secs(2);

/// Opens the source of a camera; `Gone` while its device is not there.
pub(crate) type Opener = Box<dyn FnMut() -> Result<Box<dyn Source>, SourceError> + Send>;

/// One camera, kept going.
pub(crate) struct Keeper {
    /// What is known of it.
    pub(crate) board: Arc<Board>,
    /// How its source is opened.
    pub(crate) opener: Opener,
    /// Where its pictures go.
    pub(crate) pipeline: Pipeline,
    /// Its series.
    pub(crate) metrics: CameraMetrics,
    /// Where its problems go.
    pub(crate) problems: Problems,
    /// Its part of the watchdog.
    pub(crate) beat: Beat,
    /// Since when whole pictures come without a break.
    pub(crate) flowing: Option<Instant>,
    /// When the newest one came, or when we began to wait for one.
    pub(crate) newest: Instant,
    /// What was last told about them.
    pub(crate) told: Option<Look>,
}

/// Why pictures stopped.
enum End {
    Stopped,
    Failed(SourceError),
}

impl Keeper {
    /// Works until `stop`, whatever happens.
    pub(crate) fn keep(mut self, stop: &CancellationToken) {
        let span = tracing::info_span!("camera", id = %self.board.id);
        let _inside = span.enter();
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let ended = self.stream(stop);
            let worked = self.flowing.map_or(Duration::ZERO, |since| since.elapsed());
            self.stopped();
            match ended {
                End::Stopped => break,
                End::Failed(error) => {
                    let pause = match error {
                        // Nobody failed; and what is plugged in again is tried at once.
                        SourceError::Gone(_) => {
                            backoff = Backoff::default();
                            self.newest = Instant::now();
                            GONE
                        }
                        _ => backoff.after(worked),
                    };
                    self.report(&error, backoff.failures(), pause);
                    self.rest(pause, stop);
                }
            }
        }
    }

    /// Opens the source and hands its pictures on until it fails.
    fn stream(&mut self, stop: &CancellationToken) -> End {
        let mut source = match (self.opener)() {
            Ok(source) => source,
            Err(error) => return End::Failed(error),
        };
        self.board.set_controls(source.controls().map(Arc::from));
        let mut last = Instant::now();
        while !stop.is_cancelled() {
            self.beat.beat();
            match source.next(PATIENCE) {
                Ok(Some(picture)) => match self.pipeline.take(&picture) {
                    Ok(true) => {
                        last = Instant::now();
                        self.flows();
                    }
                    Ok(false) => self.tell(),
                    Err(error) => return End::Failed(error),
                },
                Ok(None) => self.pipeline.idle(),
                Err(error) => return End::Failed(error),
            }
            if last.elapsed() > QUIET {
                self.board.forget_rate();
            }
            if last.elapsed() > STALL {
                return End::Failed(SourceError::Stalled(STALL));
            }
        }
        End::Stopped
    }

    /// A whole picture came: all is well, but for what it is like.
    fn flows(&mut self) {
        self.newest = Instant::now();
        if self.flowing.is_none() {
            self.flowing = Some(self.newest);
            self.board.update(|s| s.state = State::Streaming);
            self.metrics.streaming.set(1);
            self.problems.clear_all(&SOURCE_CODES, &self.board.id);
        }
        self.tell();
    }

    /// Tells what pictures are like, when that is news.
    fn tell(&mut self) {
        let look = self.board.status().borrow().look;
        if self.told != Some(look) {
            self.told = Some(look);
            self.tell_look(look);
        }
    }

    /// Makes `look` the only problem with what pictures are like, if it is one.
    fn tell_look(&self, look: Look) {
        for other in LOOKS.iter().filter(|other| **other != look) {
            if let Some(code) = other.problem() {
                self.problems.clear(code, &self.board.id);
            }
        }
        if let Some(code) = look.problem() {
            self.problems.set(Problem::new(code, &self.board.id));
        }
    }

    fn stopped(&mut self) {
        (self.flowing, self.told) = (None, None);
        self.board.set_controls(None);
        self.board.forget_rate();
        self.metrics.streaming.set(0);
    }

    fn report(&self, error: &SourceError, failures: u32, pause: Duration) {
        let (state, code) = judge(error, self.board.facts.source);
        let gone = state == State::Absent;
        let lasts = failures > TOLERATED || self.newest.elapsed() > LASTING;
        if gone || lasts {
            self.board.update(|s| {
                s.state = state;
                s.look = Look::Unknown;
            });
            self.tell_look(Look::Unknown);
            for other in SOURCE_CODES.iter().filter(|other| **other != code) {
                self.problems.clear(other, &self.board.id);
            }
            self.problems.set(Problem::new(code, &self.board.id));
        }
        if gone {
            tracing::debug!("unplugged, waiting");
        } else {
            self.metrics.restarts.inc();
            let reason = chain(error);
            if failures <= TOLERATED + 1 {
                tracing::warn!(error = %reason, "no pictures, trying again in {pause:?}");
            } else {
                tracing::debug!(error = %reason, "still no pictures");
            }
        }
    }

    /// Waits, but wakes up for a change of the device and for the end.
    fn rest(&self, pause: Duration, stop: &CancellationToken) {
        let until = Instant::now() + pause;
        while !stop.is_cancelled() {
            self.beat.beat();
            self.pipeline.idle();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.board.rest(left.min(PATIENCE)) {
                return;
            }
        }
    }
}
