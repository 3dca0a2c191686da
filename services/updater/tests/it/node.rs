//! The service on a rig, and somebody who asks it.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use vigla_bus::updater::{HistoryEntry, JobProxy, UpdaterProxy};
use vigla_bus::zbus::proxy::CacheProperties;
use vigla_bus::zbus::{self, Connection, Variant, connection};
use vigla_testkit::{Daemon, Rig};

const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the service; its requests for a restart go into a folder of the rig.
pub(crate) fn start(rig: &Rig, settings: &str) -> Daemon {
    start_with(rig, settings, &[])
}

/// The same with more in its environment.
pub(crate) fn start_with(rig: &Rig, settings: &str, more: &[(&str, &str)]) -> Daemon {
    for folder in ["acts", "resets"] {
        let acts = rig.dir().join(folder);
        std::fs::create_dir_all(&acts).unwrap();
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&acts, everybody).unwrap();
    }
    let settings = format!(
        "restart_requests = \"{0}/acts\"\nreset_requests = \"{0}/resets\"\nbusy_lock = \"{0}/busy\"\nsticks = \"{0}/sticks\"\n{settings}",
        rig.dir().display()
    );
    let mut daemon = rig
        .daemon("updater")
        .binary(Path::new(env!("CARGO_BIN_EXE_vigla-updater")))
        .settings(&settings)
        .arg("-vv");
    for (name, value) in more {
        daemon = daemon.env(name, value);
    }
    daemon.start().unwrap()
}

/// The request for a restart, if there is one.
pub(crate) fn restart_asked(rig: &Rig) -> Option<String> {
    std::fs::read_to_string(rig.dir().join("acts/request.json")).ok()
}

/// The request for a reset, if there is one.
pub(crate) fn reset_asked(rig: &Rig) -> Option<String> {
    std::fs::read_to_string(rig.dir().join("resets/request.json")).ok()
}

/// Runs on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

pub(crate) async fn connect(rig: &Rig) -> Connection {
    let address = rig.address();
    connection::Builder::address(address.as_str())
        .build()
        .await
        .unwrap()
}

pub(crate) async fn updater(bus: &Connection) -> UpdaterProxy<'static> {
    let builder = UpdaterProxy::builder(bus).cache_properties(CacheProperties::No);
    builder.build().await.unwrap()
}

pub(crate) async fn job(bus: &Connection, path: &str) -> JobProxy<'static> {
    let builder = JobProxy::builder(bus).path(path.to_owned());
    builder
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .unwrap()
}

/// Installs, and waits for the end: its word, and what it is about.
pub(crate) async fn install(
    bus: &Connection,
    source: &str,
    options: &[(&'static str, &str)],
) -> zbus::Result<(String, String)> {
    let updater = updater(bus).await;
    let mut ends = updater.receive_job_removed().await?;
    let options: HashMap<_, _> = options
        .iter()
        .map(|(key, value)| (*key, Variant::from(*value)))
        .collect();
    let (id, path) = updater.install(source, options).await?;
    loop {
        let end = tokio::time::timeout(PATIENCE, ends.next())
            .await
            .expect("the job ends")
            .unwrap();
        let end = end.args()?;
        if *end.id() == id {
            let subject = job(bus, path.as_str()).await.subject().await?;
            return Ok(((*end.result()).to_owned(), subject));
        }
    }
}

/// The newest of the history.
pub(crate) async fn last(bus: &Connection) -> HistoryEntry {
    let mut all = updater(bus).await.list_history(1).await.unwrap();
    all.pop().expect("something happened")
}
