//! Keeps the picture of the node: follows the services on the bus and reads them when they change.
//!
//! One task listens to signals and only notes that something changed; all reading is by calls on
//! the other connection, each with a deadline, so that one hung service cannot hide the others.

mod read;

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream::select_all};
use tokio::{sync::watch, time};
use vigla_bus::{
    Problem,
    names::{CAMERA, DETECTOR, METRICS, SERVICES, Service, UPDATER},
    zbus::{self, MatchRule, MessageStream, message},
};
use vigla_kit::{
    Context,
    peer::{self, Roster},
};

use self::read::read;
pub(crate) use self::read::{metrics, patiently};
use crate::{app::App, looks::BEAT, state::Node, updates::Update};

/// Changes within this time are read once.
const SETTLE: Duration = Duration::from_millis(30);

/// After our own start, services may take this long before their absence is a problem.
const GRACE: Duration = Duration::from_secs(3);

/// Who is there.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pub(crate) cameras: watch::Receiver<Roster>,
    pub(crate) detector: watch::Receiver<Option<u64>>,
    pub(crate) metrics: watch::Receiver<Option<u64>>,
    /// Only on a device; nobody misses it elsewhere.
    pub(crate) updater: watch::Receiver<Option<u64>>,
}

impl Peers {
    pub(crate) fn follow(context: &Context) -> Self {
        Self {
            cameras: peer::cameras(context),
            detector: peer::presence(context, DETECTOR),
            metrics: peer::presence(context, METRICS),
            updater: peer::presence(context, UPDATER),
        }
    }

    fn present(&self, service: Service) -> bool {
        match service.noun {
            noun if noun == CAMERA.noun => self.cameras.borrow().present,
            noun if noun == DETECTOR.noun => self.detector.borrow().is_some(),
            noun if noun == METRICS.noun => self.metrics.borrow().is_some(),
            noun if noun == UPDATER.noun => self.updater.borrow().is_some(),
            _ => true,
        }
    }
}

/// Keeps `node` true, for ever.
pub(crate) async fn run(
    app: App,
    mut peers: Peers,
    node: watch::Sender<Arc<Node>>,
) -> anyhow::Result<()> {
    let App {
        context,
        counts,
        updates,
        looks,
        ..
    } = app;
    let began = Instant::now();
    let mut signals = select_all(
        join_all([CAMERA, DETECTOR, METRICS, UPDATER].map(|service| properties(&context, service)))
            .await
            .into_iter()
            .collect::<zbus::Result<Vec<_>>>()?,
    );
    let mut problems = context.problems.changed();
    let mut beat = began;
    loop {
        mark_absent(&context, &peers, began);
        problems.borrow_and_update();
        let known = node.borrow().clone();
        let now = read(&context, &peers, &known).await;
        let on_beat = beat.elapsed() >= BEAT;
        if on_beat {
            beat = Instant::now();
        }
        if now != *known {
            let news = now.outline() != known.outline();
            node.send_replace(Arc::new(now));
            if news || on_beat {
                let state = node.borrow().state(&counts);
                updates.send(&Update::State(Box::new(state)));
            }
        }
        looks.was_read();
        tokio::select! {
            changed = peers.cameras.changed() => changed?,
            changed = peers.detector.changed() => changed?,
            changed = peers.metrics.changed() => changed?,
            changed = peers.updater.changed() => changed?,
            changed = problems.changed() => changed?,
            signal = signals.next() => if signal.is_none() { return Ok(()) },
            () = looks.due(beat, &updates) => {}
            () = time::sleep_until((began + GRACE).into()), if began.elapsed() < GRACE => {}
        }
        settle(&mut signals).await;
        for peer in [&mut peers.detector, &mut peers.metrics, &mut peers.updater] {
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
            // The end of the stream is the end of the bus, which the kit sees too.
            signal = signals.next() => if signal.is_none() { return },
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
