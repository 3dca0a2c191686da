//! The thread that brings models to the engine: at the start, on request, and again and again
//! while there is none.
//!
//! It proves a model before the engine hears of it, so a bad one costs nothing: the old one works
//! on, and the problem `model-rejected` says so. Without a model it tries again when a file
//! changes and every 30 s. All problems about model and library are set here and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use vigla_bus::detector::Model;
use vigla_bus::{Problem, chain};
use vigla_kit::Problems;

use crate::engine::{Door, Running, running};
use crate::metrics::Metrics;
use crate::roster::Need;
use crate::shelf::{LoadError, Shelf};

/// How often changed files are looked for while there is no model.
const LOOK: Duration = Duration::from_secs(2);
/// How long the thread sleeps while all is well; it is woken when something changes.
const REST: Duration = Duration::from_secs(5);
/// How often loading is tried although nothing changed.
const RETRY: Duration = Duration::from_secs(30);

/// The problems that belong to the loader, except `model-rejected`.
const CODES: [&str; 7] = [
    "no-library",
    "library-broken",
    "library-foreign",
    "no-model",
    "model-digest",
    "model-failed",
    "label-unknown",
];

/// What a call of `LoadModel` wants.
struct Request {
    name: String,
    version: String,
    answer: oneshot::Sender<Result<Model, LoadError>>,
}

enum Errand {
    Load(Request),
    /// Something changed.
    Look,
}

/// How the bus object asks: one at a time.
#[derive(Debug)]
pub(crate) struct Desk {
    errands: SyncSender<Errand>,
    rung: Arc<AtomicBool>,
    busy: tokio::sync::Mutex<()>,
}

/// Wakes the loader when it is rung, or dropped. At most one ring waits, so that a request has its place.
struct Bell {
    errands: SyncSender<Errand>,
    rung: Arc<AtomicBool>,
}

impl Bell {
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) && self.errands.try_send(Errand::Look).is_err() {
            // It has errands, and looks after each.
            self.rung.store(false, Ordering::Release);
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

/// Why a request was not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Another model is being loaded.
    Busy,
    /// It was tried.
    Failed(LoadError),
    /// The daemon is ending.
    Stopped,
}

impl Desk {
    /// Has a model loaded, proven and put in the place of the one before.
    pub(crate) async fn load(&self, name: &str, version: &str) -> Result<Model, Refusal> {
        let _mine = self.busy.try_lock().map_err(|_| Refusal::Busy)?;
        let (answer, answered) = oneshot::channel();
        let request = Request {
            name: name.to_owned(),
            version: version.to_owned(),
            answer,
        };
        let errand = Errand::Load(request);
        self.errands.try_send(errand).map_err(|_| Refusal::Busy)?;
        match answered.await {
            Ok(result) => result.map_err(Refusal::Failed),
            Err(_) => Err(Refusal::Stopped),
        }
    }

    /// Wakes the loader when a model is needed, or the engine has given its model up; and at the end.
    pub(crate) fn watch(
        &self,
        mut running: watch::Receiver<Option<Running>>,
        mut needed: watch::Receiver<Need>,
    ) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let bell = Bell {
            errands: self.errands.clone(),
            rung: Arc::clone(&self.rung),
        };
        async move {
            loop {
                tokio::select! {
                    changed = running.changed() => changed?,
                    changed = needed.changed() => changed?,
                }
                bell.ring();
            }
        }
    }
}

/// The thread's side.
pub(crate) struct Loader {
    pub(crate) shelf: Box<dyn Shelf>,
    pub(crate) door: Door,
    pub(crate) problems: Problems,
    pub(crate) metrics: Metrics,
    /// What the settings name, and `LoadModel` replaces until the next start.
    pub(crate) wanted: (String, String),
    /// Whether any camera needs a model at all.
    pub(crate) needed: watch::Receiver<Need>,
    /// Whether a model was given to the engine; false at first.
    pub(crate) loaded: bool,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader")
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

/// The desk, and what [`Loader::run`] takes from it. A request waits in the one place that there
/// is while the thread loads of its own accord; full means that a caller gave up waiting there.
pub(crate) fn desk() -> (Desk, Requests) {
    let (errands, receiver) = sync_channel(2);
    let (rung, busy) = (Arc::default(), tokio::sync::Mutex::new(()));
    let requests = Requests(receiver, Arc::clone(&rung));
    let desk = Desk {
        errands,
        rung,
        busy,
    };
    (desk, requests)
}

/// The loader's end of the desk.
pub(crate) struct Requests(Receiver<Errand>, Arc<AtomicBool>);

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Requests")
    }
}

impl Loader {
    /// Works until `stop` says so or the desk is gone.
    pub(crate) fn run(mut self, requests: &Requests, stop: impl Fn() -> bool) {
        let mut tried: Option<(Instant, u64)> = None;
        while !stop() {
            if self.has_lost() {
                tried = Some((Instant::now(), self.shelf.fingerprint()));
            } else if self.due(tried) {
                tried = Some((Instant::now(), self.shelf.fingerprint()));
                self.load_wanted();
            }
            match requests.0.recv_timeout(self.patience()) {
                Ok(Errand::Load(request)) => self.serve(request),
                Ok(Errand::Look) => requests.1.store(false, Ordering::Release),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Until the next look: soon only while a model is missed.
    fn patience(&self) -> Duration {
        let missed = *self.needed.borrow() == Need::Model && self.door.running().borrow().is_none();
        if missed { LOOK / 4 } else { REST }
    }

    /// Whether to try: a model is needed, there is none, and it was not just tried in vain.
    fn due(&self, tried: Option<(Instant, u64)>) -> bool {
        let there = self.door.running().borrow().is_some();
        self.metrics.model_up.set(i64::from(there));
        if there {
            return false;
        }
        if *self.needed.borrow() != Need::Model {
            self.problems.replace(&CODES, vec![]);
            return false;
        }
        let Some((when, fingerprint)) = tried else {
            return true;
        };
        when.elapsed() >= RETRY || when.elapsed() >= LOOK && self.shelf.fingerprint() != fingerprint
    }

    /// Whether the engine has given the model up. Says so; it is tried again after a while.
    fn has_lost(&mut self) -> bool {
        let lost = self.loaded && self.door.running().borrow().is_none();
        if lost {
            self.loaded = false;
            let failed = Problem::new("model-failed", &self.wanted.0);
            self.problems.replace(&CODES, vec![failed]);
        }
        lost
    }

    /// Loads what is wanted, in a daemon that has no model.
    fn load_wanted(&mut self) {
        let (name, version) = self.wanted.clone();
        match self.load(&name, &version) {
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(
                    model = name,
                    error = chain(&error),
                    "counting nothing, retrying in 30 s or when a file changes"
                );
                self.problems.replace(&CODES, vec![error.problem(&name)]);
            }
        }
    }

    fn serve(&mut self, request: Request) {
        let Request {
            name,
            version,
            answer,
        } = request;
        let result = self.load(&name, &version);
        match &result {
            Ok(_) => self.wanted = (name, version),
            // A damaged model is worth a word to everybody, a wrong name only to who said it; and
            // without a model the reason for that stands already.
            Err(error) if self.loaded && !error.is_absence() => {
                tracing::warn!(
                    model = name,
                    error = chain(error),
                    "refused, using the model before"
                );
                let rejected = Problem::new("model-rejected", &name);
                self.problems.replace(&["model-rejected"], vec![rejected]);
            }
            Err(error) => tracing::info!(model = name, error = chain(error), "not loaded"),
        }
        // The caller may have gone; the swap holds all the same.
        let _ = answer.send(result);
    }

    /// Loads, proves and swaps; on success every problem about models is gone.
    fn load(&mut self, name: &str, version: &str) -> Result<Model, LoadError> {
        let result = self.shelf.load(name, version);
        let word = result.as_ref().map_or_else(LoadError::word, |_| "ok");
        self.metrics.loads.with_label_values(&[word]).inc();
        let model = result?;
        let now = running(model.manifest()).model;
        if self.door.swap(model).is_ok() {
            self.loaded = true;
            self.problems.replace(&CODES, vec![]);
            self.problems.replace(&["model-rejected"], vec![]);
            self.metrics.model_up.set(1);
        }
        Ok(now)
    }
}
