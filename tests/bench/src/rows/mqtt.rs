//! P8: what a message costs from the producer to the broker's acknowledgement, through the durable
//! queue, against the bare client library on the same broker. `QoS` 1, 64 under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use prometheus::Registry;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vigla_kit::{Clock, Problems};
use vigla_metrics::Settings;
use vigla_metrics::broker::{Broker as Sink, Shared, State};
use vigla_metrics::config::Address;
use vigla_metrics::discovery::Documents;
use vigla_metrics::metrics::Series;
use vigla_metrics::outbox::{Message, Outbox, Worth};
use vigla_metrics::queue::{Disk, Folder};
use vigla_metrics::topics::Topics;
use vigla_testkit::{Broker, free_port, until};

use crate::gauge::{cost, median, pairs};
use crate::row::{Goal, Row};

const PATIENCE: Duration = Duration::from_mins(1);
const UNDER_WAY: u32 = 64;
const LIVE: u32 = 64 * 60;
const BACKLOG: u32 = 10_000;
const NODE: &str = "vigla-0123456789ab";
const TOPIC: &str = "demo/car_count";
/// A count as it leaves a node today.
const PAYLOAD: &str = r#"{"timestamp":"2026-01-01T00:00:00.000Z","nodeid":"vigla-0123456789ab","sensor":"image","car_count":"3"}"#;

/// The queue and, when it is started, the sink, as in `vigla-metrics`.
struct Ours {
    outbox: Outbox,
    settings: Settings,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Ours {
    fn new(port: u16) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
        let path = folder.path().to_owned();
        let settings = Settings {
            broker: Address {
                host: "127.0.0.1".into(),
                port,
            },
            ..Settings::default()
        };
        let disk =
            Box::new(move || Folder::open(&path).map(|folder| Arc::new(folder) as Arc<dyn Disk>));
        let outbox = Outbox::new(
            disk,
            settings.hold.limits(),
            settings.queue.limits(),
            Clock::system(),
        );
        let writer = outbox.clone();
        let threads = vec![std::thread::spawn(move || writer.work())];
        Ok(Self {
            outbox,
            settings,
            stop: CancellationToken::new(),
            threads,
            _folder: folder,
        })
    }

    fn start_sink(&mut self) -> anyhow::Result<()> {
        let shared = Shared {
            outbox: self.outbox.clone(),
            documents: watch::channel(Documents::new()).1,
            state: watch::channel(State::Connecting).0,
            problems: Problems::default(),
            series: Series::register(&Registry::new())?,
        };
        let sink = Sink::new(
            &self.settings,
            NODE,
            Topics::new(NODE, "demo", "homeassistant"),
            shared,
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, outbox) = (self.stop.clone(), self.outbox.clone());
        self.threads.push(std::thread::spawn(move || {
            runtime.block_on(sink.run(stop));
            outbox.close();
        }));
        Ok(())
    }

    /// As many as may be under way, put together as the service puts what a second brings.
    fn put(&self) {
        let message = || Message {
            topic: TOPIC.into(),
            payload: PAYLOAD.into(),
            worth: Worth::Sample,
        };
        let messages = (0..UNDER_WAY).map(|_| message()).collect();
        self.outbox.put_all(messages);
    }

    /// So many in steps, each waited for.
    fn live(&self) -> anyhow::Result<f64> {
        cost(|| {
            for _ in 0..LIVE / UNDER_WAY {
                self.put();
                wait(|| self.outbox.account().stored == 0)?;
            }
            Ok(())
        })
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.stop.cancel();
        self.outbox.close();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Both sides are waited for by the same means, which costs both the same.
fn wait(done: impl Fn() -> bool) -> anyhow::Result<()> {
    until("the acknowledgements", PATIENCE, || done().then_some(()))
}

/// Publishes `steps` times `messages`, each step acknowledged before the next, in a thread of its own as
/// ours is.
fn bare(port: u16, steps: u32, messages: u32) -> anyhow::Result<()> {
    let acknowledged = Arc::new(AtomicU32::new(0));
    let (steps_out, steps_in) = tokio::sync::mpsc::channel::<u32>(1);
    let counter = Arc::clone(&acknowledged);
    let thread = std::thread::spawn(move || client(port, steps_in, &counter));
    for step in 1..=steps {
        steps_out
            .blocking_send(messages)
            .context("the client is gone")?;
        wait(|| acknowledged.load(Ordering::Relaxed) == step * messages)?;
    }
    drop(steps_out);
    thread
        .join()
        .map_err(|_| anyhow::anyhow!("the bare client failed"))?
}

fn client(
    port: u16,
    mut steps: tokio::sync::mpsc::Receiver<u32>,
    acknowledged: &AtomicU32,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut options = MqttOptions::new("bare", "127.0.0.1", port);
        options.set_inflight(u16::try_from(UNDER_WAY)?);
        let (client, mut events) = AsyncClient::new(options, 128);
        while let Some(messages) = steps.recv().await {
            let publish = async {
                for _ in 0..messages {
                    client
                        .publish(TOPIC, QoS::AtLeastOnce, false, PAYLOAD)
                        .await?;
                }
                anyhow::Ok(())
            };
            let settle = async {
                let mut left = messages;
                while left > 0 {
                    if let Event::Incoming(Packet::PubAck(_)) = events.poll().await? {
                        left -= 1;
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                }
                anyhow::Ok(())
            };
            tokio::try_join!(publish, settle)?;
        }
        Ok(())
    })
}

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )?;
    let broker = Broker::start(folder.path(), free_port()?, "")?;
    let port = broker.port();
    let mut ours = Ours::new(port)?;
    ours.start_sink()?;
    let live = pairs(
        || ours.live(),
        || cost(|| bare(port, LIVE / UNDER_WAY, UNDER_WAY)),
    )?;
    drop(ours);

    let drains = (0..5)
        .map(|_| Ok((drain(port)?, rate(|| bare(port, 1, BACKLOG))?)))
        .collect::<anyhow::Result<Vec<(f64, f64)>>>()?;
    let ratio = median(drains.iter().map(|(ours, bare)| ours / bare));
    let peer = median(drains.iter().map(|(_, bare)| *bare));
    Ok(vec![
        Row::ratio(
            "P8",
            "MQTT QoS 1, CPU per message / bare rumqttc",
            live.micros(LIVE),
            Goal::AtMost(1.2),
            format!(
                "us of CPU, through the durable queue, 64 at a time and put together: one write to the file and two to the \
                 broker for them all, where the bare client has 64. By samples, of the bare client's CPU: the file 0.17, \
                 settling and lending 0.1, the sync once a second 0.09; {}",
                live.control()
            ),
        ),
        Row::ratio(
            "P8",
            "drain of a backlog / bare rumqttc",
            (ratio * peer, peer),
            Goal::AtLeast(0.8),
            format!("messages a second, {BACKLOG} of them; wall time, median of five pairs"),
        ),
    ])
}

fn rate(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(f64::from(BACKLOG) / start.elapsed().as_secs_f64())
}

/// What waits on disk when the sink starts, connection included as with the bare client.
fn drain(port: u16) -> anyhow::Result<f64> {
    let mut ours = Ours::new(port)?;
    for _ in 0..=BACKLOG / UNDER_WAY {
        ours.put();
        wait(|| ours.outbox.standing().in_memory == 0)?;
    }
    rate(|| {
        ours.start_sink()?;
        wait(|| ours.outbox.account().sent >= u64::from(BACKLOG))
    })
}
