//! P11: what a scrape of the whole page costs all who take part in it, against node-exporter on the same machine.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use vigla_system_tests::{Scene, Site, http};
use vigla_testkit::{Child, free_port, until};

use crate::gauge::pairs;
use crate::process::{cpu_of, services};
use crate::row::{Goal, Row};

const PROGRAM: &str = "prometheus-node-exporter";
/// Scrapes of a run.
const SCRAPES: u32 = 20;

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let peer_port = free_port()?;
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "--log.level=error".to_owned(),
            format!("--web.listen-address=127.0.0.1:{peer_port}"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let peer = Child::start(PROGRAM, &mut command)
        .with_context(|| format!("install the package `{PROGRAM}`"))?;
    until("the peer answers", Duration::from_secs(20), || {
        http::get(peer_port, "/metrics").ok()
    })?;

    let mut site = Site::start(Scene::Passthrough)?;
    site.wait("pictures", Duration::from_secs(30), |state| {
        state["cameras"][0]["state"] == "streaming"
    })?;
    let mut ours = services(&mut site)?;
    let metrics = [ours[2]];
    // It carries the page from one service to the other.
    ours.extend(site.rig.bus_pid());
    let found = pairs(|| cost(&ours, site.port), || cost(&[peer.pid()], peer_port))?;
    let alone = cost(&metrics, site.port)? / f64::from(SCRAPES) * 1e6;
    let bytes = |port| anyhow::Ok(http::get(port, "/metrics")?.bytes()?.len());
    Ok(vec![Row::ratio(
        "P11",
        "CPU per scrape / node-exporter",
        found.micros(SCRAPES),
        Goal::AtMost(0.15),
        format!(
            "us; over HTTP, all services and the bus, of which the one that gathers {alone:.0}; a page of {} bytes, \
             theirs {}; by samples of 1350: reading /proc and /sys 250, the bus daemon 200, TCP 200, which is the goal before a \
             line is written; {}",
            bytes(site.port)?,
            bytes(peer_port)?,
            found.control()
        ),
    )])
}

/// CPU seconds that `pids` need for some scrapes of `port`.
fn cost(pids: &[u32], port: u16) -> anyhow::Result<f64> {
    let before = cpu_of(pids)?;
    for _ in 0..SCRAPES {
        let answer = http::get(port, "/metrics")?;
        anyhow::ensure!(answer.status == 200, "the page is not served");
        answer.bytes()?;
    }
    Ok(cpu_of(pids)? - before)
}
