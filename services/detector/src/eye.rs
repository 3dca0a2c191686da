//! One thread per camera: when to look, and at which frame.
//!
//! ```text
//! no ring ──a reader arrives──► pause until due ──► wait for a frame ──► look at the newest ─┐
//!    ▲                               ▲                     │                                 │
//!    └────────── the writer is gone ─┴─────────────────────┴─────────────────────────────────┘
//! ```
//!
//! Which frames are due is the pace's matter. Never a queue: whatever was captured while it paused or waited for the engine is overwritten
//! in the ring, and the next look takes the newest. The lease on a frame is held only while it is
//! decoded. What is seen is the sight's matter, what it means the scene's.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use vigla_bus::chain;
use vigla_bus::detector::Event;
use vigla_frames::{Meta, Outcome, Reader, Wait, Writer};
use vigla_kit::Clock;
use vigla_vision::gate::Verdict;

use crate::chronicle::Chronicle;
use crate::courier::Courier;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::pulse::Pulse;
use crate::scene::{Look, Scene};
use crate::sight::{self, Glance, Shot, Sight};

/// How long an eye waits for a frame or a ring before it turns round once.
const TURN: Duration = Duration::from_millis(250);

/// The longest that it rests at once: it must be seen to live, and end when it is told to.
const NAP: Duration = Duration::from_secs(1);

/// The eye of one camera.
#[derive(Debug)]
pub(crate) struct Eye {
    pub(crate) camera_id: String,
    /// New readers of the camera's ring; its end is the end of the thread.
    pub(crate) readers: Receiver<Reader>,
    /// Told when the ring is gone, so that it is opened again.
    pub(crate) lost: UnboundedSender<()>,
    pub(crate) sight: Sight,
    pub(crate) scene: Scene,
    pub(crate) courier: Courier,
    pub(crate) chronicle: Arc<Chronicle>,
    /// At most one event a second: nothing can pile up in it.
    pub(crate) signals: UnboundedSender<Event>,
    /// The detection ring.
    pub(crate) ring: Writer,
    pub(crate) pulse: Pulse,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    /// Which frames are looked at.
    pub(crate) pace: Pace,
    /// The newest frame came too early; it is looked at then, microseconds of monotonic time, when no other
    /// comes meanwhile.
    pub(crate) early: Option<u64>,
}

impl Eye {
    /// Looks until there are no more readers to come, or `stop` says so.
    pub(crate) fn run(mut self, stop: impl Fn() -> bool) {
        let mut reader: Option<Reader> = None;
        while !stop() {
            let now = self.clock.mono_usec();
            self.pulse.beat(now);
            let rest = match reader {
                Some(_) => self.pace.rest(now),
                None => TURN,
            };
            match self.readers.recv_timeout(rest.min(NAP)) {
                Ok(new) => reader = Some(new),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let Some(open) = reader.as_mut().filter(|_| rest <= NAP) else {
                self.rest();
                continue;
            };
            match open.wait(self.patience()) {
                Ok(Wait::Frame) => self.look(open),
                Ok(Wait::Timeout) => match self.early.take() {
                    Some(_) => self.look_now(open),
                    None => self.rest(),
                },
                Ok(Wait::WriterGone) => reader = self.lose(None),
                Err(error) => reader = self.lose(Some(&error)),
            }
        }
    }

    /// How long to wait for a frame.
    fn patience(&self) -> Duration {
        self.early.map_or(TURN, |due| {
            Duration::from_micros(due.saturating_sub(self.clock.mono_usec()))
        })
    }

    fn lose(&self, error: Option<&vigla_frames::Error>) -> Option<Reader> {
        if let Some(error) = error {
            tracing::warn!(camera = self.camera_id, %error, "opening its ring again");
        } else {
            tracing::info!(camera = self.camera_id, "its ring is gone");
        }
        let _ = self.lost.send(());
        None
    }

    /// Nothing to look at: what waits may still leave, and readers that left are let go.
    fn rest(&mut self) {
        self.report(&[]);
        self.ring.readers();
    }

    /// Looks at the newest frame, unless it comes too early.
    fn look(&mut self, reader: &mut Reader) {
        let Some(captured) = reader.peek().map(|lease| lease.meta().mono_usec) else {
            return;
        };
        let now = self.clock.mono_usec();
        self.early = self.pace.early(captured.min(now)).map(|by| now + by);
        if self.early.is_none() {
            self.look_now(reader);
        }
    }

    /// Looks at the newest frame.
    fn look_now(&mut self, reader: &mut Reader) {
        let Some(lease) = reader.peek() else {
            return;
        };
        let meta = *lease.meta();
        self.pace.take(meta.mono_usec.min(self.clock.mono_usec()));
        self.count(|m| &m.frames);
        let unsure = self.scene.is_unsure();
        let glance = match self.sight.glance(&meta, lease.bytes(), unsure) {
            Ok(glance) => glance,
            Err(error) => {
                self.pace.useless();
                return self.fail(&meta, &error);
            }
        };
        // The truth is read in microseconds, and its picture decoded only for an event: the lease
        // lasts until then. Everything else was decoded into the sight's own buffers.
        if let Glance::Truth(detections) = glance {
            let look = Look::ungated("truth");
            let events = self.scene.step(&meta, look, Some(detections));
            return self.conclude(&meta, look, events, Shot::Frame(lease.bytes()));
        }
        drop(lease);
        match glance {
            Glance::Truth(_) | Glance::Blind => self.blind(&meta),
            Glance::Still(verdict) => self.hold(&meta, verdict),
            Glance::Moving(verdict) => self.ask(&meta, verdict),
        }
    }

    /// Nothing moves: what is in view stays.
    fn hold(&mut self, meta: &Meta, verdict: Verdict) {
        self.count(|m| &m.gate_closed);
        let look = Look::gated("still", verdict);
        let events = self.scene.step(meta, look, None);
        self.conclude(meta, look, events, Shot::None);
    }

    /// Has the model look.
    fn ask(&mut self, meta: &Meta, verdict: Verdict) {
        let (detections, took) = match self.sight.ask() {
            Ok(answer) => answer,
            Err(error) => return self.fail(meta, &error),
        };
        self.count(|m| &m.inferences);
        self.metrics.inference.observe(took.as_secs_f64());
        let look = Look::gated("inferred", verdict);
        let events = self.scene.step(meta, look, Some(detections));
        self.conclude(meta, look, events, Shot::Picture);
    }

    /// The frame was of no use: counted, told as "no answer", and the next one is tried.
    fn fail(&mut self, meta: &Meta, error: &sight::Error) {
        let labels = [self.camera_id.as_str(), error.reason()];
        self.metrics.errors.with_label_values(&labels).inc();
        tracing::debug!(
            camera = self.camera_id,
            frame = meta.frame_id,
            error = chain(error),
            "unusable"
        );
        if error.is_blindness() {
            self.blind(meta);
        }
    }

    /// Without an answer nothing is known: no objects, and no departures either.
    fn blind(&mut self, meta: &Meta) {
        self.report(&[]);
        self.publish(meta, Look::ungated("no-model"));
    }

    fn conclude(&mut self, meta: &Meta, look: Look, events: Vec<Event>, shot: Shot<'_>) {
        self.publish(meta, look);
        if events.is_empty() {
            return self.report(&[]);
        }
        for event in &events {
            let labels = [self.camera_id.as_str(), event.kind.as_str()];
            self.metrics.events.with_label_values(&labels).inc();
        }
        let events = self.chronicle.write(events);
        // The news goes first: a crowd's portraits take longer than all the rest of its way.
        self.report(&events);
        let portraits = self.sight.portraits(shot, meta, &events);
        let ids = events.iter().map(|event| event.id);
        self.chronicle.illustrate(ids.zip(portraits));
    }

    fn report(&mut self, events: &[Event]) {
        if let Some(event) = self.courier.post(events, self.clock.mono_usec()) {
            // The task that signals lives as long as the daemon.
            let _ = self.signals.send(event);
        }
    }

    /// Puts the record into the ring; nothing is even made when nobody reads.
    fn publish(&mut self, meta: &Meta, look: Look) {
        let lag_usec = self.clock.mono_usec().saturating_sub(meta.mono_usec);
        let lag = Duration::from_micros(lag_usec);
        let camera = [self.camera_id.as_str()];
        self.metrics
            .lag
            .with_label_values(&camera)
            .observe(lag.as_secs_f64());
        if self.ring.readers() == 0 {
            return;
        }
        let record = self.scene.record(meta, look, lag);
        let Ok(json) = serde_json::to_vec(&record) else {
            return;
        };
        let meta = Meta {
            width: 0,
            height: 0,
            fourcc: *b"JSON",
            ..*meta
        };
        let outcome = match self.ring.publish(meta, &json) {
            Outcome::Published => "published",
            Outcome::NobodyLooks => "nobody-looks",
            Outcome::AllLeased => "all-leased",
            Outcome::TooBig => "too-big",
        };
        let labels = [self.camera_id.as_str(), outcome];
        self.metrics.published.with_label_values(&labels).inc();
    }

    fn count(&self, series: impl Fn(&crate::metrics::Series) -> &prometheus::IntCounterVec) {
        series(&self.metrics)
            .with_label_values(&[self.camera_id.as_str()])
            .inc();
    }
}

#[cfg(test)]
#[path = "eye_tests.rs"]
mod tests;
