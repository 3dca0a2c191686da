//! Takes orders, one at a time, and carries them out: wait, fetch, judge, write, restart.
//!
//! Decisions are elsewhere (`bundle`, `window`, `lock`), as functions on data; here they follow each
//! other, and what came of it is written down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use semver::Version;
use vigla_bus::updater::Slot;
use vigla_bus::zbus::Connection;
use vigla_kit::Context;

use crate::bundle::{self, Bundle, Here};
use crate::catalogue::Catalogue;
use crate::config::Settings;
use crate::fetch::Fetcher;
use crate::find::Found;
use crate::gate::look;
use crate::installer::{Installer, Mark};
use crate::job::{Job, Stage};
use crate::metrics::Series;
use crate::order::{After, Order, When};
use crate::outcome::End;
use crate::store::{Entry, State, Store, Trial};
use crate::{lock, restart};

/// Longest sleep while the window is closed: the clock may be set meanwhile.
const NAP: Duration = Duration::from_mins(1);

/// Everything an order needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Writes slots.
    pub installer: Arc<dyn Installer>,
    /// What outlives them.
    pub store: Store,
    /// Bundles from the network.
    pub fetcher: Fetcher,
    /// What there is.
    pub catalogue: Catalogue,
    /// The settings.
    pub settings: Arc<Settings>,
    /// The version that runs.
    pub running: Version,
    /// Our metrics.
    pub series: Series,
    /// The daemon.
    pub context: Context,
    /// The job that runs, or the last one.
    pub current: Arc<Mutex<Job>>,
}

impl Desk {
    /// The job that runs, or the last one.
    #[must_use]
    pub fn job(&self) -> Job {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A new job, unless one runs.
    pub fn begin(&self, source: &str) -> Option<Job> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.standing().stage != Stage::Over {
            return None;
        }
        *current = Job::new(current.id + 1, source);
        Some(current.clone())
    }

    /// Carries out `order` to its end.
    pub async fn carry_out(&self, order: &Order, job: &Job) {
        tracing::info!(job = job.id, source = %order.source, "installing");
        let done = tokio::select! {
            done = self.install(order, job) => done,
            // RAUC goes on writing whatever we do; only what leads there can be stopped.
            () = until_cancelled(job) => Err(End::new("cancelled")),
        };
        let slot = done.clone().unwrap_or_default();
        let (code, subject) = match &done {
            Ok(_) => ("done", String::new()),
            Err(end) => (end.code, end.subject.clone()),
        };
        self.note(order, job, code, &slot);
        self.series.ended(code);
        if let Err(end) = &done {
            tracing::warn!(job = job.id, result = code, "not installed: {end}");
        }
        if code == "done" && order.after == After::Restart {
            self.restart(job.id, "update");
        }
        job.end(code, &subject);
    }

    async fn install(&self, order: &Order, job: &Job) -> Result<String, End> {
        if order.when == When::Window {
            self.wait(job).await?;
        }
        let found = self.find(order, job).await?;
        let installed = self.write(&found, job).await;
        let again = installed.as_ref().is_err_and(|end| end.code == "locked");
        if found.ours && !again {
            self.fetcher.forget();
        }
        installed
    }

    /// Until the maintenance window is open.
    async fn wait(&self, job: &Job) -> Result<(), End> {
        job.enter(Stage::Waiting);
        let window = self.settings.window.get();
        loop {
            let now = i64::try_from(self.context.clock.now_usec()).ok();
            let now = now.and_then(|usec| jiff::Timestamp::from_microsecond(usec).ok());
            let Some(now) = now else {
                return Err(End::about("refused", "the clock"));
            };
            let now = now.to_zoned(jiff::tz::TimeZone::system());
            match window.opens_in(&now) {
                Some(Duration::ZERO) => return Ok(()),
                Some(wait) => tokio::time::sleep(wait.min(NAP)).await,
                None => return Err(End::about("refused", "the maintenance window never opens")),
            }
        }
    }

    /// Judges, and lets RAUC write. The name of the slot that was written.
    async fn write(&self, found: &Found, job: &Job) -> Result<String, End> {
        job.enter(Stage::Checking);
        let bundle = self.installer.inspect(&found.path).await?;
        job.holds(&bundle.version);
        let machine = self.installer.machine().await?;
        let floor = self
            .store
            .read()
            .map_err(|error| End::about("refused", error.to_string()))?
            .floor;
        let here = Here {
            machine: &machine,
            floor: floor.as_ref(),
            wanted: found.hash.as_deref(),
        };
        let version = bundle::judge(&bundle, here)?;
        let busy = lock::share(&self.settings.busy_lock);
        let held = busy.map_err(|error| End::about("refused", error.to_string()))?;
        let Some(_held) = held else {
            return Err(End::new("locked"));
        };
        let slot = other(&self.installer.slots().await?)?;
        let worked = look::worked(&self.context.calls).await;
        // From here on the slot may hold anything. That is written down first: RAUC goes on when we end,
        // and what it then has written must prove itself too.
        job.enter(Stage::Writing);
        let trial = Trial {
            slot: slot.name.clone(),
            version: version.to_string(),
            before: self.running.to_string(),
            ..Trial::default()
        };
        self.keep_state(|state| state.try_out(trial))?;
        let written = self.rauc_writes(&bundle, found, job).await;
        self.keep_state(|state| match (&written, &mut state.trial) {
            (Ok(()), Some(trial)) => {
                trial.written = true;
                state.worked = worked.unwrap_or_else(|| state.worked.clone());
            }
            _ => state.trial = None,
        })?;
        written.map(|()| slot.name)
    }

    fn keep_state(&self, change: impl FnOnce(&mut State)) -> Result<(), End> {
        let kept = self.store.change(change);
        kept.map_err(|error| End::about("write-failed", error.to_string()))
    }

    async fn rauc_writes(&self, bundle: &Bundle, found: &Found, job: &Job) -> Result<(), End> {
        let progress = |share| job.progress(share);
        self.installer
            .write(&found.path, &bundle.manifest_hash, &progress)
            .await
    }

    /// Starts from the other slot, with what is in it.
    pub async fn rollback(&self) -> Result<Slot, End> {
        let slot = other(&self.installer.slots().await?)?;
        if slot.health == "bad" {
            return Err(End::about(
                "refused",
                format!("slot `{}` does not start", slot.name),
            ));
        }
        // What never passed has to prove itself, from wherever it is started.
        self.keep_state(|state| {
            if !state.is_proven(&slot.name, &slot.version) {
                state.try_out(Trial {
                    slot: slot.name.clone(),
                    version: slot.version.clone(),
                    before: self.running.to_string(),
                    written: true,
                    ..Trial::default()
                });
            }
        })?;
        let marked = self.installer.mark(Mark::Active, &slot.name).await;
        if let Err(end) = marked {
            self.keep_state(|state| state.trial = None)?;
            return Err(end);
        }
        let entry = Entry {
            event: "rolled-back".into(),
            slot: slot.name.clone(),
            version: slot.version.clone(),
            before: self.running.to_string(),
            ..self.entry()
        };
        self.keep(entry);
        self.restart(0, "rollback");
        Ok(slot)
    }

    fn restart(&self, id: u64, reason: &str) {
        if let Err(error) = restart::ask(&self.settings.restart_requests, id, reason) {
            tracing::error!(%error, "cannot ask for a restart: restart the node by hand");
        }
    }

    fn note(&self, order: &Order, job: &Job, code: &str, slot: &str) {
        let event = if code == "done" {
            "installed"
        } else {
            "refused"
        };
        let entry = Entry {
            event: event.into(),
            slot: slot.to_owned(),
            version: job.standing().version,
            before: self.running.to_string(),
            source: order.source.to_string(),
            result: code.to_owned(),
            ..self.entry()
        };
        self.keep(entry);
    }

    fn entry(&self) -> Entry {
        Entry {
            time_usec: self.context.clock.now_usec(),
            ..Entry::default()
        }
    }

    fn keep(&self, entry: Entry) {
        if let Err(error) = self.store.change(|state| state.note(entry)) {
            tracing::warn!(%error, "cannot keep the history");
        }
    }

    /// The connection that makes calls.
    pub fn bus(&self) -> &Connection {
        &self.context.calls
    }
}

/// The slot that does not run.
fn other(slots: &[Slot]) -> Result<Slot, End> {
    let running = slots.iter().any(|slot| slot.state == "running");
    let mut idle = slots.iter().filter(|slot| slot.state != "running");
    match (running, idle.next(), idle.next()) {
        (true, Some(slot), None) => Ok(slot.clone()),
        _ => Err(End::about("refused", "there is no other slot")),
    }
}

/// Cancelled while that means something.
async fn until_cancelled(job: &Job) {
    job.cancel.cancelled().await;
    if job.standing().stage == Stage::Writing {
        std::future::pending::<()>().await;
    }
}
