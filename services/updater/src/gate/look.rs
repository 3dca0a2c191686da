//! The facts of the gate, each asked with a limit: who hangs has not answered.

use std::time::Duration;

use hyper::Uri;
use tokio::time::timeout;
use vigla_bus::camera::{self, CameraState};
use vigla_bus::metrics::MetricsProxy;
use vigla_bus::names::{CAMERA, SERVICES, UPDATER};
use vigla_bus::zbus::{self, Connection, fdo, proxy::CacheProperties};

use super::{Answer, Facts};
use crate::fetch::http::Client;
use crate::store::Worked;

/// For each question.
const PATIENCE: Duration = Duration::from_secs(5);
/// The series of `vigla-metrics` that rises with each detection record it has counted.
const COUNTED: &str = "vigla_metrics_records_total ";

/// Everything, as it is now.
pub async fn facts(bus: &Connection, client: &Client, page: Option<&Uri>) -> Facts {
    let (missing, cameras, counted, queue, page) = tokio::join!(
        patiently(missing(bus)),
        patiently(cameras(bus)),
        patiently(counted(bus)),
        patiently(queue(bus)),
        asked(client, page),
    );
    Facts {
        missing,
        cameras,
        counted,
        queue,
        page,
    }
}

/// What works now, to be wanted back after the next start. Nothing when it cannot be asked.
pub async fn worked(bus: &Connection) -> Option<Worked> {
    let cameras = patiently(cameras(bus)).await.ok()?;
    let queue = patiently(queue(bus)).await.ok();
    Some(of(cameras, queue))
}

/// What worked, as the facts say.
#[must_use]
pub fn of(cameras: Vec<(String, String)>, queue: Option<(String, u64)>) -> Worked {
    let streaming = cameras
        .into_iter()
        .filter(|(_, state)| state == "streaming");
    Worked {
        cameras: streaming.map(|(id, _)| id).collect(),
        accepted: queue.map_or(0, |(_, accepted)| accepted),
    }
}

async fn patiently<T>(question: impl Future<Output = zbus::Result<T>>) -> Answer<T> {
    let answer = timeout(PATIENCE, question).await;
    let answer = answer.map_err(|_| silence())?;
    answer.map_err(|error| vigla_bus::chain(&error))
}

fn silence() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

async fn missing(bus: &Connection) -> zbus::Result<Vec<String>> {
    let names = fdo::DBusProxy::new(bus).await?.list_names().await?;
    let there = |name: &str| names.iter().any(|known| known.as_str() == name);
    let all = SERVICES.into_iter().chain([UPDATER]);
    let missing = all.filter(|service| !there(service.name));
    Ok(missing.map(|service| service.noun.to_owned()).collect())
}

async fn cameras(bus: &Connection) -> zbus::Result<Vec<(String, String)>> {
    let manager = fdo::ObjectManagerProxy::builder(bus)
        .destination(CAMERA.name)
        .path(CAMERA.path)
        .build()
        .await?;
    let objects = manager.get_managed_objects().await?;
    let all = objects.into_values().filter_map(|interfaces| {
        let (_, properties) = interfaces
            .into_iter()
            .find(|(name, _)| name.as_str() == camera::INTERFACE)?;
        let state = CameraState::from_properties(&properties);
        Some((state.id, state.state))
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    Ok(all)
}

async fn metrics(bus: &Connection) -> zbus::Result<MetricsProxy<'static>> {
    MetricsProxy::builder(bus)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

async fn counted(bus: &Connection) -> zbus::Result<u64> {
    let page = metrics(bus).await?.gather().await?;
    let line = page.lines().find_map(|line| line.strip_prefix(COUNTED));
    Ok(line
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0))
}

/// All queues together.
async fn queue(bus: &Connection) -> zbus::Result<(String, u64)> {
    let sinks = metrics(bus).await?.sinks().await?;
    if sinks.is_empty() {
        return Ok(("there is none".into(), 0));
    }
    let trouble = sinks
        .iter()
        .map(|sink| sink.trouble.as_str())
        .find(|trouble| !trouble.is_empty());
    let accepted = sinks.iter().map(|sink| sink.accepted).sum();
    Ok((trouble.unwrap_or_default().to_owned(), accepted))
}

async fn asked(client: &Client, page: Option<&Uri>) -> Answer<u16> {
    let page = page.ok_or("no address is set")?;
    let answer = timeout(PATIENCE, client.get(page, &[])).await;
    let answer = answer.map_err(|_| silence())?;
    Ok(answer.map_err(|end| end.to_string())?.code())
}
