//! What is known of one camera, shared by its capture thread (which writes) and the bus (which reads).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::doors::Doors;
use crate::health::Look;
use crate::picture::Picture;
use crate::source::Controls;

/// Where a camera is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Being opened; no picture yet.
    #[default]
    Starting,
    /// Pictures flow.
    Streaming,
    /// Gives no pictures; tried again and again.
    Failed,
    /// Unplugged.
    Absent,
}

impl State {
    /// The word on the bus.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Streaming => "streaming",
            Self::Failed => "failed",
            Self::Absent => "absent",
        }
    }
}

/// The properties that change and are signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Where it is in its life.
    pub state: State,
    /// What its pictures are like.
    pub look: Look,
    /// Four-character code of the native ring, empty before the first picture.
    pub format: &'static str,
    /// Width in pixels, 0 before the first picture.
    pub width: u32,
    /// Height in pixels, 0 before the first picture.
    pub height: u32,
}

/// What never changes.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What people call it.
    pub label: String,
    /// `v4l2`, `replay`, `rtsp` or `synthetic`.
    pub source: &'static str,
    /// Where it is, without credentials and without the query of an address.
    pub location: String,
    /// How many masks are burned in.
    pub masks: u32,
}

/// One camera.
pub struct Board {
    /// Its id everywhere.
    pub id: String,
    /// What never changes.
    pub facts: Facts,
    /// The way into its rings.
    pub doors: Doors,
    status: watch::Sender<Status>,
    controls: Mutex<Option<Arc<dyn Controls>>>,
    times: Mutex<Times>,
    rate_millihertz: AtomicU64,
    bell: (Mutex<bool>, Condvar),
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board")
            .field("id", &self.id)
            .field("status", &*self.status.borrow())
            .finish_non_exhaustive()
    }
}

impl Board {
    /// A camera of which nothing was seen yet.
    pub fn new(id: String, facts: Facts) -> Self {
        Self {
            id,
            facts,
            doors: Doors::default(),
            status: watch::Sender::new(Status::default()),
            controls: Mutex::default(),
            times: Mutex::default(),
            rate_millihertz: AtomicU64::new(0),
            bell: Default::default(),
        }
    }

    /// The properties now and their changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Changes the properties; tells nobody when nothing changed.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let before = *status;
            change(status);
            before != *status
        });
    }

    /// Notes what pictures look like from now on.
    pub fn set_shape(&self, picture: &Picture<'_>) {
        self.update(|status| {
            status.format = picture.format.code();
            (status.width, status.height) = (picture.width, picture.height);
        });
    }

    /// Notes what the pictures are like.
    pub fn set_look(&self, look: Look) {
        self.update(|status| status.look = look);
    }

    /// Frames a second over about the last second.
    #[allow(clippy::cast_precision_loss, reason = "thousandths of a rate")]
    pub fn rate(&self) -> f64 {
        self.rate_millihertz.load(Ordering::Relaxed) as f64 / 1000.0
    }

    /// Notes a frame taken at `mono_usec`.
    pub fn note_frame(&self, mono_usec: u64) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rate) = times.note(mono_usec) {
            self.rate_millihertz.store(rate, Ordering::Relaxed);
        }
    }

    /// Forgets the rate: no more frames come.
    pub fn forget_rate(&self) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = Times::default();
        self.rate_millihertz.store(0, Ordering::Relaxed);
    }

    /// The controls of the device, while it is there.
    pub fn controls(&self) -> Option<Arc<dyn Controls>> {
        let controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        controls.clone()
    }

    /// Offers or withdraws the controls.
    pub fn set_controls(&self, controls: Option<Arc<dyn Controls>>) {
        *self.controls.lock().unwrap_or_else(PoisonError::into_inner) = controls;
    }

    /// Wakes the capture thread from [`rest`](Self::rest): something about the device changed.
    pub fn ring(&self) {
        let (rung, bell) = &self.bell;
        *rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        bell.notify_all();
    }

    /// Lets the capture thread wait; returns early, and true, when it is woken.
    pub fn rest(&self, at_most: Duration) -> bool {
        let (rung, bell) = &self.bell;
        let rung = rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) = bell
            .wait_timeout_while(rung, at_most, |rung| !*rung)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *rung)
    }
}

/// Measures the rate once a second.
#[derive(Debug, Default)]
struct Times {
    since_usec: u64,
    frames: u64,
}

impl Times {
    /// The rate in thousandths of a hertz when a second is full.
    fn note(&mut self, now_usec: u64) -> Option<u64> {
        let elapsed = now_usec.saturating_sub(self.since_usec);
        if self.since_usec == 0 || elapsed > 10_000_000 {
            (self.since_usec, self.frames) = (now_usec, 0);
            return None;
        }
        self.frames += 1;
        if elapsed < 1_000_000 {
            return None;
        }
        let rate = self.frames * 1_000_000_000 / elapsed;
        (self.since_usec, self.frames) = (now_usec, 0);
        Some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_the_rate() {
        let mut times = Times::default();
        let rates: Vec<_> = (1..60).filter_map(|i| times.note(i * 50_000)).collect();
        assert_eq!(rates, [20_000, 20_000]);
    }

    #[test]
    fn only_changes_are_told() {
        let board = Board::new("front".into(), Facts::default());
        let mut status = board.status();
        board.update(|s| s.state = State::Starting);
        assert!(!status.has_changed().unwrap());
        board.update(|s| s.state = State::Failed);
        assert!(status.has_changed().unwrap());
        assert_eq!(status.borrow_and_update().state.word(), "failed");
    }

    #[test]
    fn a_bell_rung_before_the_rest_is_heard() {
        let board = Board::new("front".into(), Facts::default());
        board.ring();
        assert!(board.rest(Duration::from_mins(10)));
    }
}
