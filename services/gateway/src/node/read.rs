//! Reads the node from its services, once. What does not answer stays as it was.

use std::{future::Future, time::Duration};

use tokio::time;
use vigla_bus::{
    Problem,
    camera::CameraProxy,
    daemon::DaemonProxy,
    metrics::MetricsProxy,
    names::{CAMERA, DETECTOR, GATEWAY, METRICS, SERVICES, UPDATER, camera_path},
    zbus::{self, proxy::CacheProperties},
};
use vigla_kit::{Context, identity};

use super::Peers;
use crate::{
    events,
    state::{Node, ServiceState},
};

/// A service that does not answer by then keeps what it said before.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads everything once. What does not answer stays as it was in `before`.
pub(super) async fn read(context: &Context, peers: &Peers, before: &Node) -> Node {
    let services = SERVICES.map(|service| ServiceState {
        noun: service.noun,
        present: peers.present(service),
    });
    let updater = peers.present(UPDATER).then_some(ServiceState {
        noun: UPDATER.noun,
        present: true,
    });
    let cameras = peers.cameras.borrow().cameras.clone();
    let mut node = Node {
        id: before.id.clone(),
        services: services.into_iter().chain(updater).collect(),
        cameras,
        problems: read_problems(context, peers, before).await,
        ..Node::default()
    };
    if !peers.present(CAMERA) {
        // Their names stay on the page, with the truth about them.
        node.cameras.clone_from(&before.cameras);
        for camera in node.cameras.values_mut() {
            "absent".clone_into(&mut camera.state);
            camera.frame_rate = 0.0;
        }
    }
    read_detector(context, peers, before, &mut node).await;
    read_metrics(context, peers, before, &mut node).await;
    read_rates(context, &mut node).await;
    if node.id.is_empty() {
        node.id = identity::node_id().unwrap_or_else(|| "vigla".to_owned());
    }
    node
}

async fn read_problems(
    context: &Context,
    peers: &Peers,
    before: &Node,
) -> Vec<(&'static str, Problem)> {
    let own = context.problems.list();
    let mut all: Vec<_> = own.into_iter().map(|p| (GATEWAY.noun, p)).collect();
    for service in [CAMERA, DETECTOR, METRICS, UPDATER] {
        if !peers.present(service) {
            continue;
        }
        let ask = async {
            DaemonProxy::of(&context.calls, service)
                .await?
                .problems()
                .await
        };
        // Twice the patience: a service is not called silent for one busy second.
        match time::timeout(2 * PATIENCE, ask).await {
            Ok(Ok(problems)) => all.extend(problems.into_iter().map(|p| (service.noun, p))),
            answer => {
                let silent = (service.noun, Problem::new("peer-silent", service.binary));
                let said = before.problems.iter();
                let said = said.filter(|told| told.0 == service.noun && **told != silent);
                all.extend(said.cloned());
                // An error is an answer of the bus: the service has just gone.
                all.extend(answer.is_err().then_some(silent));
            }
        }
    }
    all
}

async fn read_detector(context: &Context, peers: &Peers, before: &Node, node: &mut Node) {
    // Shapes are drawn also while the detector restarts.
    node.shapes.clone_from(&before.shapes);
    if !peers.present(DETECTOR) {
        return;
    }
    node.model = before.model.clone();
    let ask = async {
        let detector = events::detector(context).await?;
        Ok((detector.model().await?, detector.shapes().await?))
    };
    if let Some((model, shapes)) = patiently(ask).await {
        (node.model, node.shapes) = (model, shapes);
    }
}

async fn read_metrics(context: &Context, peers: &Peers, before: &Node, node: &mut Node) {
    if !peers.present(METRICS) {
        return;
    }
    node.sinks.clone_from(&before.sinks);
    let ask = async {
        let metrics = metrics(context).await?;
        Ok((metrics.node_id().await?, metrics.sinks().await?))
    };
    if let Some((id, sinks)) = patiently(ask).await {
        node.sinks = sinks;
        if !id.is_empty() {
            node.id = id;
        }
    }
}

/// Pictures a second are measured, not signalled.
async fn read_rates(context: &Context, node: &mut Node) {
    for camera in node.cameras.values_mut() {
        if camera.state != "streaming" {
            continue;
        }
        let ask = async {
            let proxy = CameraProxy::builder(&context.calls)
                .path(camera_path(&camera.id))
                .cache_properties(CacheProperties::No)
                .build()
                .await?;
            proxy.frame_rate().await
        };
        if let Some(rate) = patiently(ask).await {
            camera.frame_rate = rate;
        }
    }
}

/// A proxy without a cache: it listens to nothing, it only calls.
pub(crate) async fn metrics(context: &Context) -> zbus::Result<MetricsProxy<'static>> {
    MetricsProxy::builder(&context.calls)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

/// The answer, or `None` when there is none in time.
pub(crate) async fn patiently<T>(ask: impl Future<Output = zbus::Result<T>>) -> Option<T> {
    match time::timeout(PATIENCE, ask).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a service does not answer, keeping what it said before");
            None
        }
        Err(_) => {
            tracing::debug!("a service does not answer in time, keeping what it said before");
            None
        }
    }
}
