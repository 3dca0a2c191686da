//! The stand-in of the updater: slots, a job and a history that a test sets, and a note of what was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vigla_bus::names::UPDATER;
use vigla_bus::updater::{HistoryEntry, Release, Slot};
use vigla_bus::{Error, zbus};
use zbus::{ObjectPath, OwnedObjectPath, Variant};

/// What it says. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Shown>>);

/// What a test may set and read.
#[derive(Debug, Default)]
pub struct Shown {
    /// The slots.
    pub slots: Vec<Slot>,
    /// What `Check` answers.
    pub releases: Vec<Release>,
    /// Newest first.
    pub history: Vec<HistoryEntry>,
    /// Number, state, progress, version, result and subject of the job; number 0 is none.
    pub job: (u64, String, f64, String, String, String),
    /// What was asked for, as `install feed now`.
    pub asked: Vec<String>,
    /// Whether every order is refused, as while a job runs.
    pub busy: bool,
}

impl Board {
    /// To look and to set.
    pub fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, what: String) -> Result<(), Error> {
        let mut shown = self.lock();
        if shown.busy {
            return Err(Error::Busy("a bundle is being installed".into()));
        }
        shown.asked.push(what);
        Ok(())
    }
}

/// Path of the job.
pub(super) fn job_path() -> String {
    format!("{}/job/1", UPDATER.path)
}

/// The root object.
pub(super) struct Served(pub(super) Board);

#[allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the shapes that the interface asks for"
)]
#[zbus::interface(name = "org.vigla.Updater1")]
impl Served {
    fn check(&self) -> Result<Vec<Release>, Error> {
        self.0.order("check".into())?;
        Ok(self.0.lock().releases.clone())
    }

    fn install(
        &self,
        source: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(u64, OwnedObjectPath), Error> {
        let mut keys: Vec<_> = options.keys().copied().collect();
        keys.sort_unstable();
        self.0
            .order(format!("install {source} {}", keys.join(" ")))?;
        Ok((1, path()))
    }

    fn rollback(&self) -> Result<String, Error> {
        self.0.order("rollback".into()).map(|()| "B".into())
    }

    fn reset(&self, by: &str) -> Result<(), Error> {
        self.0.order(format!("reset {by}"))
    }

    fn list_history(&self, limit: u32) -> Vec<HistoryEntry> {
        let history = self.0.lock().history.clone();
        history.into_iter().take(limit as usize).collect()
    }

    #[zbus(property)]
    fn slots(&self) -> Vec<Slot> {
        self.0.lock().slots.clone()
    }

    #[zbus(property)]
    fn machine(&self) -> &'static str {
        "vigla-rpi4"
    }

    #[zbus(property)]
    fn running(&self) -> &'static str {
        "1.1.0"
    }

    #[zbus(property)]
    fn floor(&self) -> &'static str {
        "1.0.0"
    }

    #[zbus(property)]
    fn job(&self) -> OwnedObjectPath {
        path()
    }
}

fn path() -> OwnedObjectPath {
    // Made of our own path.
    ObjectPath::try_from(job_path()).map_or_else(|_| OwnedObjectPath::default(), Into::into)
}

/// The job.
pub(super) struct Job(pub(super) Board);

#[allow(clippy::unused_self, reason = "the shapes that the interface asks for")]
#[zbus::interface(name = "org.vigla.Updater1.Job")]
impl Job {
    fn cancel(&self) {
        self.0.lock().asked.push("cancel".into());
    }

    #[zbus(property)]
    fn id(&self) -> u64 {
        self.0.lock().job.0
    }

    #[zbus(property)]
    fn source(&self) -> &'static str {
        "feed"
    }

    #[zbus(property)]
    fn state(&self) -> String {
        self.0.lock().job.1.clone()
    }

    #[zbus(property)]
    fn progress(&self) -> f64 {
        self.0.lock().job.2
    }

    #[zbus(property)]
    fn version(&self) -> String {
        self.0.lock().job.3.clone()
    }

    #[zbus(property)]
    fn result(&self) -> String {
        self.0.lock().job.4.clone()
    }

    #[zbus(property)]
    fn subject(&self) -> String {
        self.0.lock().job.5.clone()
    }
}
