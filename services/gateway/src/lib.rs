//! The gateway: everything that a browser, a player or a script sees of this node, on one port.
//!
//! It owns nothing but the port. What it shows comes from the other daemons: state and events
//! over the bus (`node`, `events`), pictures and detections from shared memory (`tap`, `counts`),
//! and it goes on serving, and says what is missing, when any of them is away.
//!
//! ```text
//!  camera ──ring──► tap ──► hub (newest, pairs) ──► streams, legacy ──┐
//!  detector ─ring─► tap ──►  │                                        ├─► routes ─► server ─► :8080
//!           ─ring─► counts ─► history, in view ──► api, updates ──────┤
//!  all ─────bus───► node, events ────────────────► api, updates ──────┘
//! ```
//!
//! Pictures are copied once out of shared memory, whatever the number of clients, and only while
//! somebody looks. Nothing is queued for a client: each gets the newest when it can take it.

mod api;
mod app;
mod boxes;
pub mod config;
mod counts;
mod events;
mod fault;
mod guard;
mod history;
mod hub;
mod hubs;
mod legacy;
mod metrics;
mod multipart;
mod node;
mod pace;
mod page;
mod pairing;
mod picture;
mod ring;
mod routes;
mod sentence;
mod server;
mod snapshot;
mod state;
mod streams;
mod tap;
mod updates;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;
use vigla_kit::{Context, peer::Roster};

use crate::{
    app::App, config::Settings, counts::Counts, events::Events, hubs::Hubs, metrics::Metrics,
    node::Peers, state::Node, tap::Tap, updates::Updates,
};

/// Wires the gateway; its tasks then run until the context stops.
pub async fn run(context: Context, settings: Settings) -> anyhow::Result<()> {
    let metrics = Metrics::new(&context.metrics).context("register metrics")?;
    let listen = settings.listen;
    let peers = Peers::follow(&context);
    let node = watch::Sender::new(Arc::new(Node::default()));
    let app = App {
        context: context.clone(),
        settings: Arc::new(settings),
        hubs: Hubs::default(),
        counts: Counts::default(),
        node: node.subscribe(),
        events: Events::default(),
        updates: Updates::default(),
        metrics,
    };
    let (counts, updates) = (app.counts.clone(), app.updates.clone());
    context.spawn(
        "node",
        node::run(context.clone(), peers.clone(), node, counts, updates),
    );
    context.spawn("cameras", follow_cameras(app.clone(), peers.cameras));
    context.spawn(
        "counts",
        counts::run(
            context.clone(),
            peers.detector.clone(),
            app.hubs.clone(),
            app.counts.clone(),
            app.updates.clone(),
        ),
    );
    let (events, updates) = (app.events.clone(), app.updates.clone());
    context.spawn(
        "events",
        events::follow::run(context.clone(), peers.detector, events, updates),
    );
    context.spawn("server", server::run(app));
    context.ready(&format!("serving http://{listen}/")).await
}

/// Gives each camera of the roster its hub and its tasks.
///
/// While the camera service is away its cameras stay: their streams go on when it is back.
async fn follow_cameras(app: App, mut roster: watch::Receiver<Roster>) -> anyhow::Result<()> {
    loop {
        let now = roster.borrow_and_update().clone();
        if now.present {
            for id in app.hubs.ids() {
                if !now.cameras.contains_key(&id) {
                    app.hubs.remove(&id);
                }
            }
            for id in now.cameras.keys() {
                if let Some(hub) = app.hubs.add(id) {
                    start(&app, &hub);
                }
            }
        }
        roster.changed().await?;
    }
}

/// Starts the tasks of one camera; they end with its hub.
fn start(app: &App, hub: &Arc<hub::Hub>) {
    for tap in [Tap::Pictures, Tap::Records] {
        let (context, metrics) = (app.context.clone(), app.metrics.clone());
        let work = tap.run(context, metrics, Arc::clone(hub));
        let gone = hub.gone.clone();
        app.context.spawn("tap", async move {
            gone.run_until_cancelled(work).await.unwrap_or(Ok(()))
        });
    }
    let quality = app.settings.stream.boxes_quality;
    let work = boxes::run(Arc::clone(hub), quality, app.metrics.clone());
    let gone = hub.gone.clone();
    app.context.spawn("painter", async move {
        gone.run_until_cancelled(work).await.unwrap_or(Ok(()))
    });
}
