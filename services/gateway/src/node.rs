//! Keeps the picture of the node: follows the services on the bus and reads them when they change.
//!
//! One task listens to signals and only notes that something changed; all reading is by calls on
//! the other connection, each with a deadline, so that one hung service cannot hide the others.

use std::{
    future::Future,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream::select_all};
use tokio::{sync::watch, time};
use vigla_bus::{
    Problem,
    camera::CameraProxy,
    daemon::DaemonProxy,
    metrics::MetricsProxy,
    names::{CAMERA, DETECTOR, GATEWAY, METRICS, SERVICES, Service, camera_path},
    zbus::{self, MatchRule, MessageStream, message, proxy::CacheProperties},
};
use vigla_kit::{
    Context, identity,
    peer::{self, Roster},
};

use crate::{
    counts::Counts,
    events,
    state::{Node, ServiceState},
    updates::{Update, Updates},
};

/// Numbers that nobody signals (pictures a second, messages sent) are read this often.
const BEAT: Duration = Duration::from_secs(5);

/// Changes within this time are read once.
const SETTLE: Duration = Duration::from_millis(30);

/// A service that does not answer by then keeps what it said before.
const PATIENCE: Duration = Duration::from_secs(1);

/// After our own start, services may take this long before their absence is a problem.
const GRACE: Duration = Duration::from_secs(3);

/// Who is there.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pub(crate) cameras: watch::Receiver<Roster>,
    pub(crate) detector: watch::Receiver<Option<u64>>,
    pub(crate) metrics: watch::Receiver<Option<u64>>,
}

impl Peers {
    pub(crate) fn follow(context: &Context) -> Self {
        Self {
            cameras: peer::cameras(context),
            detector: peer::presence(context, DETECTOR),
            metrics: peer::presence(context, METRICS),
        }
    }

    fn present(&self, service: Service) -> bool {
        match service.noun {
            noun if noun == CAMERA.noun => self.cameras.borrow().present,
            noun if noun == DETECTOR.noun => self.detector.borrow().is_some(),
            noun if noun == METRICS.noun => self.metrics.borrow().is_some(),
            _ => true,
        }
    }
}

/// Keeps `node` true, for ever.
pub(crate) async fn run(
    context: Context,
    mut peers: Peers,
    node: watch::Sender<Arc<Node>>,
    counts: Counts,
    updates: Updates,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut signals = select_all(
        join_all([CAMERA, DETECTOR, METRICS].map(|service| properties(&context, service)))
            .await
            .into_iter()
            .collect::<zbus::Result<Vec<_>>>()?,
    );
    let mut problems = context.problems.changed();
    let mut beat = time::interval(BEAT);
    let mut on_beat = true;
    loop {
        mark_absent(&context, &peers, began);
        problems.borrow_and_update();
        let known = node.borrow().clone();
        let now = read(&context, &peers, &known).await;
        if now != *known {
            let news = now.outline() != known.outline();
            node.send_replace(Arc::new(now));
            if news || on_beat {
                let state = node.borrow().state(&counts);
                updates.send(&Update::State(Box::new(state)));
            }
        }
        on_beat = false;
        tokio::select! {
            changed = peers.cameras.changed() => changed?,
            changed = peers.detector.changed() => changed?,
            changed = peers.metrics.changed() => changed?,
            changed = problems.changed() => changed?,
            _ = signals.next() => {}
            _ = beat.tick() => on_beat = true,
        }
        settle(&mut signals).await;
        for peer in [&mut peers.detector, &mut peers.metrics] {
            peer.borrow_and_update();
        }
        peers.cameras.borrow_and_update();
    }
}

/// Changed properties of a service's root object.
async fn properties(context: &Context, service: Service) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender(service.name)
        .path(service.path)
        .interface("org.freedesktop.DBus.Properties")
        .member("PropertiesChanged")
        .build()?;
    MessageStream::for_match_rule(rule, &context.signals, NonZeroUsize::new(32)).await
}

/// Swallows signals for a moment, so that a burst is read once.
async fn settle<S: StreamExt + Unpin>(signals: &mut S) {
    let settled = time::sleep(SETTLE);
    tokio::pin!(settled);
    loop {
        tokio::select! {
            () = &mut settled => return,
            _ = signals.next() => {}
        }
    }
}

/// Says which services are missing, as our own problems.
fn mark_absent(context: &Context, peers: &Peers, began: Instant) {
    if began.elapsed() < GRACE {
        return;
    }
    let absent = SERVICES
        .into_iter()
        .filter(|service| !peers.present(*service))
        .map(|service| Problem::new("no-peer", service.binary))
        .collect();
    context.problems.replace(&["no-peer"], absent);
}

/// Reads everything once. What does not answer stays as it was in `before`.
async fn read(context: &Context, peers: &Peers, before: &Node) -> Node {
    let services = SERVICES.map(|service| ServiceState {
        noun: service.noun,
        present: peers.present(service),
    });
    let cameras = peers.cameras.borrow().cameras.clone();
    let mut node = Node {
        id: before.id.clone(),
        services: services.to_vec(),
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
    for service in [CAMERA, DETECTOR, METRICS] {
        if !peers.present(service) {
            continue;
        }
        let ask = async {
            DaemonProxy::of(&context.calls, service)
                .await?
                .problems()
                .await
        };
        match patiently(ask).await {
            Some(problems) => all.extend(problems.into_iter().map(|p| (service.noun, p))),
            None => all.extend(
                before
                    .problems
                    .iter()
                    .filter(|(noun, _)| *noun == service.noun)
                    .cloned(),
            ),
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
