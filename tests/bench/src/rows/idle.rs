//! P7, P10 and P12: what a whole node costs at rest and at work, as the kernel counts it.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vigla_system_tests::{NOUNS, Scene, Site};

use crate::gauge::pause;
use crate::process::{cpu, pss, services, sleeps};
use crate::row::{Goal, Row};
use crate::viewer::Viewer;

/// How long each figure is taken.
const SPAN: Duration = Duration::from_secs(20);
/// `WatchdogSec` of the units.
const WATCHDOG: Duration = Duration::from_secs(30);
/// After the start, until caches and retries have settled.
const SETTLE: Duration = Duration::from_secs(5);
/// After the last question to the gateway, until it takes nobody for looking.
const UNSEEN: Duration = Duration::from_secs(35);

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let mut rows = at_rest()?;
    rows.push(passthrough()?);
    rows.push(messages()?);
    rows.push(memory()?);
    Ok(rows)
}

/// No camera, no viewer.
fn at_rest() -> anyhow::Result<Vec<Row>> {
    let mut site = Site::start(Scene::Idle)?;
    // As in the units: each feeding is a wake-up or two.
    site.watchdog = WATCHDOG;
    for noun in NOUNS {
        site.change(noun, str::to_owned)?;
    }
    pause(UNSEEN);
    let pids = services(&mut site)?;
    let all = |figure: fn(u32) -> anyhow::Result<f64>| {
        pids.iter()
            .map(|pid| figure(*pid))
            .collect::<anyhow::Result<Vec<f64>>>()
    };
    let cost = |pid| Ok(cpu(pid)?.as_secs_f64());
    let rest = |pid| Ok(sleeps(pid)? as f64);
    let (start, before) = (Instant::now(), (all(cost)?, all(rest)?));
    pause(SPAN);
    let seconds = start.elapsed().as_secs_f64();
    let since = |now: Vec<f64>, before: &[f64], unit: f64| -> Vec<f64> {
        let pairs = now.iter().zip(before);
        pairs
            .map(|(now, before)| (now - before) / seconds * unit)
            .collect()
    };
    let (busy, woken) = (
        since(all(cost)?, &before.0, 100.0),
        since(all(rest)?, &before.1, 1.0),
    );
    Ok(vec![
        Row::limit(
            "P7",
            "wake-ups a second, no camera, no viewer",
            woken.iter().sum(),
            Goal::AtMost(2.0),
            format!("times that a thread went to sleep: {}", each(&woken, 2)),
        ),
        Row::limit(
            "P12",
            "CPU with no camera, % of a core",
            busy.iter().sum(),
            Goal::AtMost(0.2),
            format!("all services together: {}", each(&busy, 3)),
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

/// Frames flow, somebody looks, and the bus is quiet. Some messages come by the clock (the gateway reads how
/// the services are), so what a frame costs is the difference between many frames and few.
fn messages() -> anyhow::Result<Row> {
    let mut site = Site::start(Scene::Passthrough)?;
    let many = monitored(&site)?;
    site.change("camera", |text| text.replace("rate = 10.0", "rate = 2.0"))?;
    let few = monitored(&site)?;
    let frames = many.1.saturating_sub(few.1);
    anyhow::ensure!(frames > 100, "{} and {} frames", many.1, few.1);
    let each = (many.0 as f64 - few.0 as f64) / frames as f64;
    Ok(Row::limit(
        "P7",
        "D-Bus messages per frame",
        // The clock's do not come equally often in both; a message every tenth frame would be seen.
        (each * 10.0).round() / 10.0 + 0.0,
        Goal::AtMost(0.0),
        format!(
            "to tenths; {} calls and signals with {} frames, {} with {}; no model, one viewer",
            many.0, many.1, few.0, few.1
        ),
    ))
}

/// Calls and signals on the bus for a while, and frames that were shown meanwhile.
fn monitored(site: &Site) -> anyhow::Result<(usize, u64)> {
    site.wait("pictures", Duration::from_secs(30), |state| {
        state["cameras"][0]["state"] == "streaming"
    })?;
    let viewer = Viewer::fast(site.port)?;
    pause(SETTLE);
    // By lines, or what it holds back would be lost at its end.
    let mut command = Command::new("stdbuf");
    command
        .args(["-oL", "dbus-monitor", "--profile"])
        .args(["--address", &site.rig.address()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut monitor = command.spawn().context("install the package `dbus-bin`")?;
    let before = viewer.seen().frame;
    pause(SPAN);
    let frames = viewer.seen().frame - before;
    monitor.kill()?;
    let mut text = String::new();
    let mut out = monitor.stdout.take().context("no output")?;
    out.read_to_string(&mut text)?;
    monitor.wait()?;
    let mut complaint = String::new();
    let mut errors = monitor.stderr.take().context("no errors")?;
    errors.read_to_string(&mut complaint)?;
    // It goes on without the right to hear what others say to each other.
    anyhow::ensure!(complaint.is_empty(), "only root may listen: {complaint}");
    Ok((text.lines().filter(|line| is_message(line)).count(), frames))
}

/// Whether a line of `dbus-monitor --profile` is a call or a signal, and not about the monitor itself.
fn is_message(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words.first(), Some(&"sig" | &"mc")) && !words.contains(&"org.freedesktop.DBus")
}

/// The real model on 720p, and four who look.
fn memory() -> anyhow::Result<Row> {
    let mut site = Site::start(Scene::Large)?;
    site.whole()?;
    let _viewers = (0..4)
        .map(|_| Viewer::fast(site.port))
        .collect::<anyhow::Result<Vec<_>>>()?;
    pause(SETTLE);
    let shares = services(&mut site)?
        .into_iter()
        .map(|pid| Ok(pss(pid)? as f64 / 1e6))
        .collect::<anyhow::Result<Vec<f64>>>()?;
    Ok(Row::limit(
        "P10",
        "Pss of all services, MB",
        shares.iter().sum(),
        Goal::AtMost(90.0),
        format!(
            "one 720p camera, int8 model, four clients: {}",
            each(&shares, 1)
        ),
    ))
}

/// A figure of each service.
fn each(figures: &[f64], digits: usize) -> String {
    let pairs = NOUNS.iter().zip(figures);
    let all: Vec<String> = pairs
        .map(|(noun, figure)| format!("{noun} {figure:.digits$}"))
        .collect();
    all.join(", ")
}
