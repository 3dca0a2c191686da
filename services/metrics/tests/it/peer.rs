//! Beside Debian's node-exporter on the same machine: the same samples, and what a scrape costs.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use vigla_bus::metrics::MetricsProxy;
use vigla_metrics::host::{self, Machine};
use vigla_testkit::{Child, Rig, free_port, until};

use super::bus;
use super::listener::PATIENCE;

const PROGRAM: &str = "prometheus-node-exporter";
/// Scrapes of a measurement.
const SCRAPES: u32 = 50;

struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        let known = Command::new(PROGRAM).arg("--version").output();
        if known.is_err() {
            vigla_testkit::skip(&format!("no {PROGRAM}; install the package of this name"));
            return None;
        }
        let port = free_port().unwrap();
        let mut command = Command::new(PROGRAM);
        command.args([
            "--log.level=error".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ]);
        let peer = Self {
            child: Child::start(PROGRAM, &mut command).unwrap(),
            port,
        };
        until("the peer answers", PATIENCE, || peer.try_scrape()).unwrap();
        Some(peer)
    }

    fn try_scrape(&self) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
    }

    fn scrape(&self) -> String {
        self.try_scrape().unwrap()
    }
}

/// A page: types by family, values by sample.
#[derive(Debug, Default)]
struct Page {
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                page.types.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                page.samples
                    .insert(sample.to_owned(), value.parse().unwrap());
            }
        }
        page
    }

    /// The samples of the families that `of` has too, those that only we or they refuse left out.
    fn keys<'a>(&'a self, of: &'a Self) -> impl Iterator<Item = &'a str> {
        self.samples.iter().filter_map(|(sample, value)| {
            let family = sample.split('{').next()?;
            // A speed of -1 is none, and a clock source is no file system.
            let speed = family == "node_network_speed_bytes" && *value < 0.0;
            (of.types.contains_key(family) && !speed).then_some(sample.as_str())
        })
    }
}

fn ours() -> Page {
    let mut page = Page::read(&host::page(&Machine::default()).into_text());
    page.types.retain(|name, _| name.starts_with("node_"));
    page.samples.retain(|name, _| name.starts_with("node_"));
    page
}

#[test]
#[ignore = "needs prometheus-node-exporter, and a machine on which nothing is mounted meanwhile"]
fn node_exporter_gives_the_same_samples() {
    let Some(peer) = Peer::start() else { return };
    let before = ours();
    let theirs = Page::read(&peer.scrape());
    let after = ours();
    for (family, kind) in &before.types {
        assert_eq!(theirs.types.get(family), Some(kind), "{family}");
    }
    let (mine, other): (Vec<_>, Vec<_>) = (
        before.keys(&before).collect(),
        theirs.keys(&before).collect(),
    );
    let only_mine: Vec<_> = mine.iter().filter(|key| !other.contains(key)).collect();
    let only_theirs: Vec<_> = other.iter().filter(|key| !mine.contains(key)).collect();
    assert_eq!((only_mine, only_theirs), (vec![], vec![]));
    for (sample, first) in &before.samples {
        let (seen, last) = (theirs.samples[sample], after.samples[sample]);
        let family = sample.split('{').next().unwrap();
        let steady = [
            "_size_bytes",
            "_MemTotal_bytes",
            "_boot_time_seconds",
            "_mtu_bytes",
            "_up",
        ];
        let steady =
            before.types[family] == "counter" || steady.iter().any(|end| family.ends_with(end));
        // Idle time goes back a little now and then, and they round.
        let slack = 1.0 + last.abs() * 0.01;
        assert!(
            !steady || (first - slack..=last + slack).contains(&seen),
            "{sample}: {first}, {seen}, {last}"
        );
    }
    println!(
        "{} families, {} samples, all as {PROGRAM} has them",
        before.types.len(),
        mine.len()
    );
}

/// CPU time that a process has used.
fn cpu(pid: u32) -> Duration {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let clock = ClockId::pid_cpu_clock_id(pid).unwrap();
    clock_gettime(clock).unwrap().into()
}

#[tokio::test]
#[ignore = "measures; needs prometheus-node-exporter"]
async fn a_scrape_costs_less_than_node_exporters() {
    let Some(peer) = Peer::start() else { return };
    let rig = Rig::start().unwrap();
    let mut daemon = bus::start(&rig);
    let address = rig.address();
    let connection = vigla_bus::zbus::connection::Builder::address(address.as_str())
        .build()
        .await
        .unwrap();
    let proxy = MetricsProxy::new(&connection).await.unwrap();
    // The first one warms both up.
    let (our_page, their_page) = (proxy.gather().await.unwrap(), peer.scrape());
    let pid = daemon.child().pid();
    let begin = (cpu(pid), cpu(peer.child.pid()));
    for _ in 0..SCRAPES {
        proxy.gather().await.unwrap();
    }
    let middle = cpu(pid);
    for _ in 0..SCRAPES {
        peer.scrape();
    }
    let (own, other) = (
        middle.saturating_sub(begin.0) / SCRAPES,
        cpu(peer.child.pid()).saturating_sub(begin.1) / SCRAPES,
    );
    println!(
        "CPU per scrape: ours {own:?} for {} bytes, theirs {other:?} for {}, ratio {:.3}, goal 0.15",
        our_page.len(),
        their_page.len(),
        own.as_secs_f64() / other.as_secs_f64()
    );
}
