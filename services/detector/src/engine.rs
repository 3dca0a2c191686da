//! The one thread that runs the model, and the door through which cameras reach it.
//!
//! ```text
//! eye front ──┐
//! eye yard ───┼─ rendezvous, FIFO ──► engine thread ──► answer to whoever asked
//! loader ─────┘   (no buffer at all)
//! ```
//!
//! The channel holds nothing: a camera hands its picture over only at the moment the engine takes
//! it, so a picture never ages in a queue. When the engine is busy the camera thread waits its
//! turn (first come, first served: no camera starves another), frames it did not look at are
//! overwritten in its ring, and after the answer it goes on with the newest.
//!
//! The engine's own wait feeds the watchdog when there is nothing to look at; a model that hangs
//! therefore ends the daemon, and systemd starts it again.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use vigla_vision::model::InferError;
use vigla_vision::{Detection, Model, Picture};

/// How long the engine waits for work before it says that it is alive: a third of the unit's
/// `WatchdogSec`, and seldom enough to leave a node without cameras asleep.
const IDLE: Duration = Duration::from_secs(10);

/// So many failures in a row and the model is given up; the loader tries again.
const PATIENCE: u32 = 3;

/// The model that answers now, as the rest of the daemon sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Name, version and digest.
    pub model: vigla_bus::detector::Model,
    /// Width and height that a picture needs at least to be of use.
    pub input: (u32, u32),
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No model is loaded.
    #[error("no model is loaded")]
    NoModel,
    /// The model failed on this picture.
    #[error("look at the picture")]
    Infer(#[source] InferError),
    /// The daemon is ending.
    #[error("the engine has stopped")]
    Stopped,
}

/// What comes back for a picture: the picture itself (its buffer is used again) and the result.
#[derive(Debug)]
pub struct Answer {
    /// The picture.
    pub picture: Picture,
    /// What is on it.
    pub detections: Result<Vec<Detection>, NoAnswer>,
    /// How long the model took.
    pub took: Duration,
}

enum Work {
    Look(Picture, SyncSender<Answer>),
    Swap(Box<dyn Model>, SyncSender<()>),
    /// Only to look whether it is to end.
    Nothing,
}

/// The way to the engine. Cheap to clone; one clone per camera.
#[derive(Clone)]
pub struct Door {
    work: SyncSender<Work>,
    running: watch::Receiver<Option<Running>>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("running", &*self.running.borrow())
            .finish_non_exhaustive()
    }
}

impl Door {
    /// The model that answers now, followed.
    pub fn running(&self) -> &watch::Receiver<Option<Running>> {
        &self.running
    }

    /// Hands `picture` over and waits for the answer.
    pub fn look(&self, picture: Picture) -> Answer {
        let (answer, answered) = sync_channel(1);
        if self.work.send(Work::Look(picture, answer)).is_ok()
            && let Ok(answer) = answered.recv()
        {
            return answer;
        }
        Answer {
            picture: Picture::default(),
            detections: Err(NoAnswer::Stopped),
            took: Duration::ZERO,
        }
    }

    /// Puts `model` in the place of the one before, between two pictures.
    pub fn swap(&self, model: Box<dyn Model>) -> Result<(), NoAnswer> {
        let (done, swapped) = sync_channel(1);
        self.work
            .send(Work::Swap(model, done))
            .map_err(|_| NoAnswer::Stopped)?;
        swapped.recv().map_err(|_| NoAnswer::Stopped)
    }

    /// Lets the engine look whether it is to end; waits until it has taken that in.
    pub fn wake(&self) {
        let _ = self.work.send(Work::Nothing);
    }
}

/// The thread's side.
pub struct Engine {
    work: Receiver<Work>,
    model: Option<Box<dyn Model>>,
    running: watch::Sender<Option<Running>>,
    failures: u32,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("running", &*self.running.borrow())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine without a model, and the door to it.
    pub fn new() -> (Self, Door) {
        let (sender, work) = sync_channel(0);
        let (running, followed) = watch::channel(None);
        let door = Door {
            work: sender,
            running: followed,
        };
        let engine = Self {
            work,
            model: None,
            running,
            failures: 0,
        };
        (engine, door)
    }

    /// Works until every door is closed or `stop` says so; `alive` is called after each piece of
    /// work and at least every 10 s.
    pub fn run(mut self, alive: impl Fn(), stop: impl Fn() -> bool) {
        while !stop() {
            match self.work.recv_timeout(IDLE) {
                Ok(Work::Look(picture, answer)) => {
                    // Whoever asked may have ended meanwhile; its answer is then not missed.
                    let _ = answer.send(self.look(picture));
                }
                Ok(Work::Swap(model, done)) => {
                    self.swap(model);
                    let _ = done.send(());
                }
                Ok(Work::Nothing) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            alive();
        }
    }

    fn look(&mut self, picture: Picture) -> Answer {
        let start = Instant::now();
        let result = match &mut self.model {
            None => Err(NoAnswer::NoModel),
            Some(model) => model.infer(&picture).map_err(NoAnswer::Infer),
        };
        match &result {
            Ok(_) => self.failures = 0,
            Err(NoAnswer::Infer(error)) => self.count_failure(error),
            Err(NoAnswer::NoModel | NoAnswer::Stopped) => {}
        }
        Answer {
            picture,
            detections: result,
            took: start.elapsed(),
        }
    }

    /// A model that fails again and again is dropped: `no-model` is the truth then.
    fn count_failure(&mut self, error: &InferError) {
        self.failures += 1;
        if self.failures == PATIENCE {
            tracing::warn!(%error, "the model fails again and again, going on without it");
            self.model = None;
            self.running.send_replace(None);
        }
    }

    fn swap(&mut self, model: Box<dyn Model>) {
        let manifest = model.manifest();
        let now = running(manifest);
        tracing::info!(model = %now.model.name, version = %now.model.version, "model in use");
        self.failures = 0;
        self.model = Some(model);
        self.running.send_replace(Some(now));
    }
}

/// A manifest as the bus and the cameras know it.
pub fn running(manifest: &vigla_vision::Manifest) -> Running {
    Running {
        model: vigla_bus::detector::Model {
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            digest: manifest.digest.to_string(),
        },
        input: (manifest.input.width, manifest.input.height),
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
pub(crate) mod tests;
