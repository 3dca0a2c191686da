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

mod access;
mod api;
mod app;
mod boxes;
mod bus;
pub mod config;
mod counts;
mod desk;
mod door;
mod events;
mod fault;
mod guard;
mod history;
mod html;
mod hub;
mod hubs;
mod legacy;
mod login;
mod looks;
mod metrics;
mod multipart;
mod node;
mod pace;
mod page;
mod pairing;
mod picture;
mod report;
mod ring;
mod routes;
mod sentence;
mod server;
mod site;
mod snapshot;
mod state;
mod streams;
mod tap;
mod tls;
mod updates;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{sync::watch, time};
use vigla_bus::{Problem, names::GATEWAY};
use vigla_kit::{Context, peer::Roster};

use crate::{
    app::App,
    config::Settings,
    counts::Counts,
    door::Door,
    events::Events,
    hubs::Hubs,
    login::Login,
    looks::Looks,
    metrics::Metrics,
    node::Peers,
    report::Report,
    server::{Admission, Entrance},
    state::Node,
    tap::Tap,
    tls::{Tls, renewal::Renewal},
    updates::Updates,
};

/// Wires the gateway; its tasks then run until the context stops.
pub async fn run(context: Context, settings: Settings) -> anyhow::Result<()> {
    let metrics = Metrics::new(&context.metrics).context("register metrics")?;
    let listen = settings.listen;
    let (login, entrances) = doors(&context, &settings, &metrics)?;
    let findings = settings.site.clone();
    let peers = Peers::follow(&context);
    let node = watch::Sender::new(Arc::new(Node::default()));
    let app = App {
        context: context.clone(),
        settings: Arc::new(settings),
        hubs: Hubs::default(),
        counts: Counts::default(),
        node: node.subscribe(),
        looks: Looks::default(),
        events: Events::default(),
        updates: Updates::default(),
        metrics,
        login,
    };
    context.spawn("node", node::run(app.clone(), peers.clone(), node));
    let cameras = peers.cameras.clone();
    context.spawn("cameras", follow_cameras(app.clone(), peers.cameras));
    context.spawn(
        "counts",
        counts::run(
            context.clone(),
            cameras,
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
    let admission = Arc::new(Admission::new(&app.settings.limits, &app.metrics));
    for entrance in entrances {
        let served = server::run(app.clone(), entrance, Arc::clone(&admission));
        context.spawn("server", served);
    }
    let object = bus::Gateway {
        login: app.login.clone(),
        clock: context.clock.clone(),
    };
    let server = context.calls.object_server();
    let placed = server.at(GATEWAY.path, object).await;
    placed.context("serve `Gateway1`")?;
    context.spawn("log-ins", sweep(app.login));
    context.spawn("owner's file", site::follow(context.clone(), findings));
    context.ready(&format!("serving http://{listen}/")).await
}

/// Where the page is served, and the log-in that it needs there.
fn doors(
    context: &Context,
    settings: &Settings,
    metrics: &Metrics,
) -> anyhow::Result<(Login, Vec<Entrance>)> {
    let address = settings.listen.address();
    let plain = |door| Entrance {
        key: "listen",
        address,
        door,
        acceptor: None,
    };
    if settings.listen.is_loopback() {
        let login = Login::open(context, &settings.login, None, &metrics.login_refusals)?;
        return Ok((login, vec![plain(Door::Home)]));
    }
    let renewal = Renewal::of(&settings.tls, &context.locator);
    let tls = Tls::open(context, settings)?;
    tracing::info!("the certificate's SHA-256 is {}", tls.fingerprint);
    if settings.open {
        let subject = address.port().to_string();
        context.problems.set(Problem::new("open-to-all", subject));
    }
    let port = settings.tls.port.get();
    let report = Report::new(context.state_dir(), port, tls.fingerprint);
    let refusals = &metrics.login_refusals;
    let login = Login::open(context, &settings.login, Some(report), refusals)?;
    let newest = watch::Sender::new(tls.acceptor);
    let secure = Entrance {
        key: "tls.port",
        address: SocketAddr::new(address.ip(), port),
        door: Door::Tls,
        acceptor: Some(newest.subscribe()),
    };
    if let Some(renewal) = renewal {
        let login = login.clone();
        let renewed = move |tls: Tls| {
            tracing::info!("a new certificate; its SHA-256 is {}", tls.fingerprint);
            login.certified(tls.fingerprint);
            newest.send_replace(tls.acceptor);
        };
        let follow = renewal.follow(context.problems.clone(), renewed);
        context.spawn("certificate", follow);
    }
    Ok((login, vec![plain(Door::Plain), secure]))
}

/// Ends log-ins that are over: their streams would go on otherwise.
async fn sweep(login: Login) -> anyhow::Result<()> {
    let mut beat = time::interval(Duration::from_secs(20));
    loop {
        beat.tick().await;
        login.sweep();
    }
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
