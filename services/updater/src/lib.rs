//! `vigla-updater`: slots, bundles, and the one job that writes a bundle to the slot that does not run.
//!
//! An [`order`] comes over the bus; the [`mod@desk`] carries it out: waits for the maintenance [`window`], has
//! the bundle [`fetch`]ed, lets RAUC (behind [`installer`]) verify and ourselves judge it ([`bundle`]),
//! takes the busy [`lock`], lets RAUC write, and asks for a [`restart`]. At the next start the mission
//! [`gate`], a program of its own, decides whether the new version stays. Both write down what happened in
//! the [`store`].
//!
//! It never writes a slot itself, never restarts the machine itself, and never marks a slot good.

pub mod automatic;
pub mod bundle;
pub mod bus;
pub mod catalogue;
pub mod config;
pub mod delta;
pub mod desk;
pub mod dossier;
pub mod feed;
pub mod fetch;
mod find;
pub mod gate;
pub mod installer;
pub mod job;
pub mod lock;
pub mod metrics;
pub mod order;
pub mod outcome;
pub mod release;
pub mod restart;
pub mod stick;
pub mod store;
pub mod window;

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use vigla_bus::Problem;
use vigla_bus::names::UPDATER;
use vigla_kit::Context;
use vigla_kit::proxy::Way;

use crate::bus::{JobObject, Updater};
use crate::catalogue::Catalogue;
pub use crate::config::Settings;
use crate::desk::Desk;
use crate::fetch::Fetcher;
use crate::fetch::http::Client;
use crate::installer::{Installer, Rauc};
use crate::job::Job;
use crate::metrics::Series;
use crate::store::Store;

/// Wires the daemon.
pub async fn run(context: Context, settings: Settings) -> anyhow::Result<()> {
    let settings = Arc::new(settings);
    let series = Series::register(&context.metrics).context("register the metrics")?;
    let installer: Arc<dyn Installer> =
        Arc::new(Rauc::new(context.calls.clone(), context.signals.clone()));
    let desk = desk(&context, &settings, installer.clone(), series)?;

    let job = Job::none();
    let server = context.calls.object_server();
    server
        .at(job.path(), JobObject(job))
        .await
        .context("serve the job")?;
    let root = Updater { desk: desk.clone() };
    server
        .at(UPDATER.path, root)
        .await
        .context("serve `Updater1`")?;

    report(&context, &desk);
    context.spawn(
        "looking after RAUC",
        automatic::follow_rauc(context.clone(), installer),
    );
    context.spawn("release feed", automatic::follow_feed(desk));
    context.ready("waiting for orders").await
}

fn desk(
    context: &Context,
    settings: &Arc<Settings>,
    installer: Arc<dyn Installer>,
    series: Series,
) -> anyhow::Result<Desk> {
    let ca_file = &settings.download.ca_file;
    let client = Client::new(ca_file).with_context(|| format!("read `{}`", ca_file.display()))?;
    let client = client.by(Way::of_environment());
    let (store, running) = (Store::new(context.state_dir()), release::running());
    let fetcher = Fetcher {
        client: client.clone(),
        folder: context.state_dir().join("download"),
        reserve: settings.download.reserve_bytes.get(),
        patience: settings.download.patience.get(),
    };
    let catalogue = Catalogue {
        installer: installer.clone(),
        store: store.clone(),
        client,
        settings: settings.clone(),
        clock: context.clock.clone(),
        running: running.clone(),
    };
    Ok(Desk {
        installer,
        store,
        fetcher,
        catalogue,
        settings: settings.clone(),
        running,
        series,
        context: context.clone(),
        current: Arc::new(Mutex::new(Job::none())),
    })
}

/// What the mission gate found is a problem until the next start.
fn report(context: &Context, desk: &Desk) {
    let state = match desk.store.read() {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, "cannot read the state");
            let folder = context.state_dir().display().to_string();
            return context.problems.set(Problem::new("no-state", folder));
        }
    };
    desk.series.trial.set(i64::from(state.trial.is_some()));
    let Some(last) = state.history.last() else {
        return;
    };
    match last.event.as_str() {
        "fell-back" => context
            .problems
            .set(Problem::new("update-fell-back", &last.version)),
        "unwell" => context
            .problems
            .set(Problem::new("update-unwell", &last.result)),
        _ => {}
    }
}
