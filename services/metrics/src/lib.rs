//! `vigla-metrics`: what leaves the device, and the account of it.
//!
//! Once a second `work` looks at the newest detection record of each camera, and takes each event
//! when it comes; [`compose`] makes messages of them by the schemas in `schemas/`; the [`outbox`]
//! keeps them, bounded and on disk, whether or not anybody wants them; the [`broker`] is the one sink, and
//! settles a message when it is acknowledged. So `accepted = sent + stored + dropped` at any time.
//! Besides, this daemon gathers the metrics of all daemons into one page ([`gather`]).
//!
//! It does not decide what counts as an event (the detector does).

pub(crate) mod announcer;
pub(crate) mod backoff;
pub mod blackbox;
pub mod broker;
pub mod bus;
pub mod compose;
pub mod config;
pub mod cursor;
pub mod discovery;
pub(crate) mod flight;
pub mod gather;
pub mod health;
pub mod hold;
pub mod host;
pub mod legacy;
pub mod message;
pub mod metrics;
pub mod outbox;
pub mod queue;
pub(crate) mod rings;
pub mod stamp;
pub mod tally;
pub mod topics;
pub mod updates;
pub(crate) mod work;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;
use vigla_bus::Problem;
use vigla_bus::names::{DETECTOR, METRICS, UPDATER};
use vigla_kit::{Context, identity, peer};

use crate::announcer::Announcer;
use crate::blackbox::{BlackBox, Places, Wreck};
use crate::broker::{Broker, Shared, State};
use crate::compose::Composer;
pub use crate::config::Settings;
use crate::discovery::Documents;
use crate::gather::Gatherer;
use crate::health::{Thrift, Watch};
use crate::host::{Host, Machine};
use crate::metrics::Series;
use crate::outbox::Outbox;
use crate::queue::{Disk, Folder};
use crate::stamp::Stamp;
use crate::topics::Topics;
use crate::updates::Updates;
use crate::work::{Parts, Work};

/// Wires the daemon.
pub async fn run(context: Context, settings: Settings) -> anyhow::Result<()> {
    let node_id = node_id(&context);
    let (legacy, discovery) = (
        settings.legacy.prefix.as_str(),
        settings.discovery.prefix.as_str(),
    );
    let topics = Topics::new(&node_id, legacy, discovery);
    let series = Series::register(&context.metrics).context("register the metrics")?;
    let outbox = open_outbox(&context, &settings)?;
    let (documents_sender, documents) = watch::channel(Documents::new());
    let (state_sender, state) = watch::channel(State::Connecting);

    let shared = Shared {
        outbox: outbox.clone(),
        documents,
        state: state_sender,
        problems: context.problems.clone(),
        series: series.clone(),
    };
    start_broker(
        &context,
        Broker::new(&settings, &node_id, topics.clone(), shared),
    )?;

    let gatherer = Gatherer {
        sockets: settings.gather.sockets.clone(),
        patience: settings.gather.patience.get(),
        registry: context.metrics.clone(),
        host: Host::new(Machine::default()),
    };
    let boot_id = identity::boot_id();
    let places = Places::new(context.runtime_dir(), context.state_dir());
    let health = look_after(&context, &settings, &outbox, places.find(&boot_id));
    let object = bus::Metrics {
        node_id: node_id.clone(),
        outbox: outbox.clone(),
        state,
        gatherer,
        series: series.clone(),
        health: health.clone(),
        black_box: places.kept(),
    };
    context
        .calls
        .object_server()
        .at(METRICS.path, object)
        .await
        .context("serve `Metrics1`")?;

    let stamp = Stamp::new(node_id.clone(), boot_id.clone(), context.clock.clone());
    let composer = Composer::new(&settings, topics.clone(), stamp);
    let announcer = Announcer {
        node_id,
        topics,
        documents: documents_sender,
    };
    let parts = Parts {
        composer,
        outbox,
        series,
        black_box: BlackBox::begin(places, &boot_id),
        updates: Updates::open(context.state_dir().join("updates.json")),
        updater: peer::presence(&context, UPDATER),
        announcer: settings.discovery.enabled.then_some(announcer),
        counters: if settings.legacy.enabled {
            settings.legacy.labels.clone()
        } else {
            Vec::new()
        },
    };
    let (roster, detector) = (peer::cameras(&context), peer::presence(&context, DETECTOR));
    context.spawn(
        "counting",
        Work::new(&context, roster, detector, parts).run(),
    );
    context.ready("counting").await
}

/// The queue, with the thread that moves it to the disk.
fn open_outbox(context: &Context, settings: &Settings) -> anyhow::Result<Outbox> {
    let folder = context.state_dir().join("queue");
    let open_disk = move || Folder::open(&folder).map(|folder| Arc::new(folder) as Arc<dyn Disk>);
    let outbox = Outbox::new(
        Box::new(open_disk),
        settings.hold.limits(),
        settings.queue.limits(),
        context.clock.clone(),
    );
    let queue = outbox.clone();
    context
        .thread("queue", move |_| {
            queue.work();
            Ok(())
        })
        .context("start the thread of the queue")?;
    Ok(outbox)
}

/// The looks at the device. A run that ended badly is said until the next start.
fn look_after(
    context: &Context,
    settings: &Settings,
    outbox: &Outbox,
    wreck: Option<Wreck>,
) -> Watch {
    let health = Watch::default();
    if let Some(wreck) = wreck {
        health.remember(wreck.notice());
    }
    if settings.health.enabled {
        // A machine of its own: a look must not make a scrape wait, nor the other way round.
        let host = Host::new(Machine::default());
        let thrift = Thrift {
            outbox: outbox.clone(),
            budget: settings.health.written_bytes_a_day.get(),
            over_budget: settings.queue.sync_over_budget.get(),
        };
        let look = health
            .clone()
            .run(context.clone(), host, settings.health, thrift);
        context.spawn("health", look);
    }
    health
}

/// The sink on its own thread, see [`broker`].
fn start_broker(context: &Context, broker: Broker) -> anyhow::Result<()> {
    let outbox = broker.outbox.clone();
    let work = move |stop| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .context("start the runtime of the sink")?
            .block_on(broker.run(stop));
        // The last settled message is known now.
        outbox.close();
        Ok(())
    };
    context
        .thread("mqtt", work)
        .context("start the thread of the sink")
}

/// Without a machine id the node is somebody else at each boot; it counts all the same.
fn node_id(context: &Context) -> String {
    identity::node_id().unwrap_or_else(|| {
        context.problems.set(Problem::new("no-machine-id", ""));
        format!("vigla-{:.12}", identity::boot_id())
    })
}
