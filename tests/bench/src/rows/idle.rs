//! P7, P10 and P12: what a whole node costs at rest and at work, as the kernel counts it.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vigla_system_tests::{Scene, Site, http};

use crate::process::{cpu, pss, services, sleeps};
use crate::row::{Goal, Row};

/// How long each figure is taken.
const SPAN: Duration = Duration::from_secs(20);
/// After the start, until caches and retries have settled.
const SETTLE: Duration = Duration::from_secs(5);

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let mut rows = at_rest()?;
    rows.push(passthrough()?);
    rows.push(messages()?);
    rows.push(memory()?);
    Ok(rows)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a figure over a span of time needs the span"
)]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// No camera, no viewer.
fn at_rest() -> anyhow::Result<Vec<Row>> {
    let mut site = Site::start(Scene::Empty)?;
    pause(SETTLE);
    let pids = services(&mut site)?;
    let all = |figure: fn(u32) -> anyhow::Result<f64>| {
        pids.iter()
            .map(|pid| figure(*pid))
            .sum::<anyhow::Result<f64>>()
    };
    let cost = |pid| Ok(cpu(pid)?.as_secs_f64());
    let rest = |pid| Ok(sleeps(pid)? as f64);
    let (start, before) = (Instant::now(), (all(cost)?, all(rest)?));
    pause(SPAN);
    let seconds = start.elapsed().as_secs_f64();
    let (busy, woken) = (all(cost)? - before.0, all(rest)? - before.1);
    Ok(vec![
        Row::limit(
            "P7",
            "wake-ups a second, no camera, no viewer",
            woken / seconds,
            Goal::AtMost(2.0),
            "voluntary switches of all threads of all services",
        ),
        Row::limit(
            "P12",
            "CPU with no camera, % of a core",
            busy / seconds * 100.0,
            Goal::AtMost(0.2),
            "all services together",
        ),
    ])
}

/// A camera whose pictures nobody wants.
fn passthrough() -> anyhow::Result<Row> {
    let mut site = Site::start(Scene::Passthrough)?;
    site.kill("detector")?;
    pause(SETTLE);
    let pid = site.daemon("camera")?.child().pid();
    let (start, before) = (Instant::now(), cpu(pid)?);
    pause(SPAN);
    let share = cpu(pid)?.saturating_sub(before).as_secs_f64() / start.elapsed().as_secs_f64();
    Ok(Row::limit(
        "P12",
        "CPU of a passthrough camera, % of a core",
        share * 100.0,
        Goal::AtMost(0.7),
        "720p MJPEG at 10 fps from disk, reading included, no viewer",
    ))
}

/// Frames flow and are counted; the bus is quiet.
fn messages() -> anyhow::Result<Row> {
    let site = Site::start(Scene::Passthrough)?;
    site.wait("pictures", Duration::from_secs(30), |state| {
        state["cameras"][0]["state"] == "streaming"
    })?;
    pause(SETTLE);
    let mut monitor = Command::new("dbus-monitor")
        .args(["--address", &site.rig.address(), "--profile"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("install the package `dbus-bin`")?;
    pause(SPAN);
    monitor.kill()?;
    let mut text = String::new();
    monitor
        .stdout
        .take()
        .context("no output")?
        .read_to_string(&mut text)?;
    monitor.wait()?;
    let messages = text
        .lines()
        .filter(|line| line.starts_with("sig") || line.starts_with("mc"))
        .filter(|line| !line.contains("org.freedesktop.DBus\t") && !line.contains("NameAcquired"))
        .count();
    let frames = SPAN.as_secs_f64() * 10.0;
    let each = messages as f64 / frames;
    Ok(Row::limit(
        "P7",
        "D-Bus messages per frame",
        (each * 10.0).floor() / 10.0,
        Goal::AtMost(0.0),
        format!(
            "{messages} calls and signals (events, follow-ups) in {frames:.0} frames, down to tenths"
        ),
    ))
}

/// The real model on 720p, and four who look.
fn memory() -> anyhow::Result<Row> {
    let mut site = Site::start(Scene::Large)?;
    site.whole()?;
    let _viewers = (0..4)
        .map(|_| http::get(site.port, "/stream"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    pause(SETTLE);
    let shares = services(&mut site)?
        .into_iter()
        .map(|pid| Ok(pss(pid)? as f64 / 1e6))
        .collect::<anyhow::Result<Vec<f64>>>()?;
    let each = shares
        .iter()
        .map(|share| format!("{share:.0}"))
        .collect::<Vec<_>>()
        .join(" + ");
    Ok(Row::limit(
        "P10",
        "Pss of all services, MB",
        shares.iter().sum(),
        Goal::AtMost(90.0),
        format!(
            "one 720p camera, int8 model, four clients: {each} (camera, detector, metrics, gateway)"
        ),
    ))
}
