//! The objects on the bus: they parse, ask, translate; they decide nothing.

use std::collections::HashMap;
use std::time::Duration;

use vigla_bus::names::UPDATER;
use vigla_bus::updater::{HistoryEntry, Release, Slot};
use vigla_bus::zbus::{self, ObjectPath, OwnedObjectPath, Variant, object_server::SignalEmitter};
use vigla_bus::{Error, Problem};

use crate::desk::Desk;
use crate::job::{Job, Stage};
use crate::order::Order;
use crate::outcome::End;

/// A feed that does not answer by then is not there.
const PATIENCE: Duration = Duration::from_secs(20);
/// The history is no longer.
const MOST: u32 = 50;

/// The root object.
#[derive(Debug)]
pub struct Updater {
    /// Who carries out orders.
    pub desk: Desk,
}

#[zbus::interface(name = "org.vigla.Updater1")]
impl Updater {
    async fn check(&self) -> Result<Vec<Release>, Error> {
        let asked = tokio::time::timeout(PATIENCE, self.desk.catalogue.all()).await;
        let url = self.desk.settings.feed.url.get();
        let host = url.map(crate::fetch::host).unwrap_or_default();
        let problems = &self.desk.context.problems;
        match asked {
            Ok(Ok(releases)) => {
                problems.clear("update-feed", &host);
                Ok(releases)
            }
            Ok(Err(error)) => {
                tracing::warn!("the release feed cannot be used: {error:#}");
                problems.set(Problem::new("update-feed", host));
                Err(Error::NotReady(format!(
                    "the release feed cannot be used: {error}"
                )))
            }
            Err(_) => Err(Error::NotReady("the release feed does not answer".into())),
        }
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "arguments of the bus are owned"
    )]
    async fn install(
        &self,
        source: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(u64, OwnedObjectPath), Error> {
        let order = Order::parse(source, &options)?;
        let job = start(&self.desk, order).await?;
        Ok((job.id, path(&job)))
    }

    async fn rollback(&self) -> Result<String, Error> {
        if self.desk.job().standing().stage != Stage::Over {
            return Err(busy());
        }
        let slot = self.desk.rollback().await.map_err(|end| not_ready(&end))?;
        Ok(slot.name)
    }

    fn reset(&self, by: &str) -> Result<(), Error> {
        if !matches!(by, "page" | "viglactl") {
            return Err(Error::InvalidArgument(
                "`by` must be `page` or `viglactl`".into(),
            ));
        }
        if self.desk.job().standing().stage != Stage::Over {
            return Err(busy());
        }
        tracing::warn!(by, "a factory reset is asked for");
        let asked = crate::restart::ask_reset(&self.desk.settings.reset_requests, by);
        asked.map_err(|error| {
            tracing::warn!(%error, "cannot ask for the reset");
            Error::NotReady("nobody here takes the order: only a device can be reset".into())
        })
    }

    fn list_history(&self, limit: u32) -> Result<Vec<HistoryEntry>, Error> {
        if !(1..=MOST).contains(&limit) {
            return Err(Error::InvalidArgument(format!(
                "`limit` must be 1 to {MOST}, found {limit}"
            )));
        }
        let state = self.desk.store.read().map_err(|error| {
            tracing::warn!(%error, "cannot read the state");
            Error::NotReady("the state cannot be read".into())
        })?;
        let newest = state.history.iter().rev().take(limit as usize);
        Ok(newest.map(HistoryEntry::from).collect())
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u64,
        path: OwnedObjectPath,
        result: &str,
    ) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "false"))]
    async fn slots(&self) -> Vec<Slot> {
        let mut slots = self.desk.installer.slots().await.unwrap_or_default();
        let state = self.desk.store.read().unwrap_or_default();
        for slot in &mut slots {
            if slot.state == "running" {
                slot.version = self.desk.running.to_string();
            }
            slot.proven = state.is_proven(&slot.name, &slot.version);
        }
        slots
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn machine(&self) -> String {
        self.desk.installer.machine().await.unwrap_or_default()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn running(&self) -> String {
        self.desk.running.to_string()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn floor(&self) -> String {
        let state = self.desk.store.read().unwrap_or_default();
        state
            .floor
            .map(|floor| floor.to_string())
            .unwrap_or_default()
    }

    #[zbus(property)]
    fn job(&self) -> OwnedObjectPath {
        path(&self.desk.job())
    }
}

/// The object of a job.
#[derive(Debug)]
pub struct JobObject(pub Job);

#[zbus::interface(name = "org.vigla.Updater1.Job")]
impl JobObject {
    fn cancel(&self) -> Result<(), Error> {
        match self.0.standing().stage {
            Stage::Waiting | Stage::Fetching | Stage::Building | Stage::Checking => {
                self.0.cancel.cancel();
                Ok(())
            }
            Stage::Writing => Err(Error::NotReady(
                "RAUC writes, which cannot be stopped".into(),
            )),
            Stage::Over => Err(Error::NotReady("the job is over".into())),
        }
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> u64 {
        self.0.id
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn source(&self) -> &str {
        &self.0.source
    }

    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.0.standing().stage.word()
    }

    #[zbus(property)]
    fn progress(&self) -> f64 {
        self.0.standing().share
    }

    #[zbus(property)]
    fn version(&self) -> String {
        self.0.standing().version
    }

    #[zbus(property)]
    fn result(&self) -> &'static str {
        self.0.standing().result
    }

    #[zbus(property)]
    fn subject(&self) -> String {
        self.0.standing().subject
    }
}

/// Begins a job: its object is there before its number is told.
pub async fn start(desk: &Desk, order: Order) -> Result<Job, Error> {
    let before = desk.job();
    let job = desk.begin(&order.source.to_string()).ok_or_else(busy)?;
    let server = desk.bus().object_server();
    let shown = async {
        server.at(job.path(), JobObject(job.clone())).await?;
        server.remove::<JobObject, _>(before.path()).await?;
        let root = server.interface::<_, Updater>(UPDATER.path).await?;
        root.get().await.job_changed(root.signal_emitter()).await
    };
    if let Err(error) = shown.await {
        tracing::warn!(error = %vigla_bus::chain(&error), "cannot show the job");
    }
    let (worker, told) = (desk.clone(), job.clone());
    desk.context.spawn("install", async move {
        let teller = tell(&worker, &told);
        let work = worker.carry_out(&order, &told);
        worker.series.busy.set(1);
        let ((), told) = tokio::join!(work, teller);
        worker.series.busy.set(0);
        if let Err(error) = told {
            tracing::debug!(error = %vigla_bus::chain(&error), "cannot signal the job");
        }
        Ok(())
    });
    Ok(job)
}

/// Signals what changes, and at last the end.
async fn tell(desk: &Desk, job: &Job) -> zbus::Result<()> {
    let mut changes = job.changes();
    let server = desk.bus().object_server();
    let object = server.interface::<_, JobObject>(job.path()).await?;
    let mut before = job.standing();
    loop {
        // The sender is in the job, which we hold.
        if changes.changed().await.is_err() {
            return Ok(());
        }
        let now = changes.borrow_and_update().clone();
        let (shown, emitter) = (object.get().await, object.signal_emitter());
        if now.version != before.version {
            shown.version_changed(emitter).await?;
        }
        if (now.share - before.share).abs() > f64::EPSILON {
            shown.progress_changed(emitter).await?;
        }
        if now.result != before.result {
            shown.result_changed(emitter).await?;
            shown.subject_changed(emitter).await?;
        }
        if now.stage != before.stage {
            shown.state_changed(emitter).await?;
        }
        drop(shown);
        if now.stage == Stage::Over {
            let root = server.interface::<_, Updater>(UPDATER.path).await?;
            return Updater::job_removed(root.signal_emitter(), job.id, path(job), now.result)
                .await;
        }
        before = now;
    }
}

fn path(job: &Job) -> OwnedObjectPath {
    // Made of our own path and a number.
    let path = ObjectPath::try_from(job.path());
    path.map_or_else(|_| OwnedObjectPath::default(), Into::into)
}

fn busy() -> Error {
    Error::Busy("a bundle is being installed".into())
}

fn not_ready(end: &End) -> Error {
    Error::NotReady(end.to_string())
}
