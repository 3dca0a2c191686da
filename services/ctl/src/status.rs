//! `viglactl status`: one sentence that says how the node is, and what to do.

use std::process::ExitCode;

use serde::Serialize;
use vigla_bus::Problem;
use vigla_bus::camera::CameraState;
use vigla_bus::metrics::Sink;
use vigla_bus::names::{CAMERA, DEVICE, ENROLMENT, METRICS, SERVICES, Service};

use crate::client::{Client, Health};
use crate::config;
use crate::enrolment;
use crate::fault::{FAILED, Fault, UNAVAILABLE};
use crate::out::{Out, Tone, safe};

/// One service.
#[derive(Debug, Serialize)]
struct Row {
    service: &'static str,
    unit: &'static str,
    running: bool,
    state: State,
    version: String,
    problems: Vec<Trouble>,
}

/// How a service is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Well,
    Degraded,
    /// It hangs.
    Silent,
    NotRunning,
}

/// One problem, with the words for it.
#[derive(Debug, Serialize)]
struct Trouble {
    code: String,
    subject: String,
    what: String,
    fix: String,
}

/// Everything at once.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    healthy: bool,
    summary: String,
    node_id: String,
    /// How far the node is on its way into a fleet; nothing where nobody takes it there.
    fleet: Option<String>,
    services: Vec<Row>,
    /// Nothing when they may not be listed.
    cameras: Option<Vec<CameraState>>,
    sinks: Vec<Sink>,
}

pub(crate) async fn run(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let status = ask(client).await?;
    if out.json() {
        out.value(&status)?;
    } else {
        print(&status, out)?;
    }
    let running = status.services.iter().any(|row| row.running);
    Ok(match (status.healthy, running) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) => ExitCode::from(FAILED),
        (false, false) => ExitCode::from(UNAVAILABLE),
    })
}

/// Everything at once.
pub(crate) async fn ask(client: &Client) -> Result<Status, Fault> {
    let mut services = Vec::new();
    for service in SERVICES {
        services.push(row(service, client.health(service).await?));
    }
    for service in DEVICE {
        // Missed where it is installed; a laptop has none.
        let health = client.health(service).await?;
        if !matches!(health, Health::Absent) || config::installed(service) {
            services.push(row(service, health));
        }
    }
    // Who does not answer is not asked again: each question would wait.
    let answers = |service: Service| {
        let mut rows = services.iter();
        rows.any(|row| {
            row.unit == service.binary && matches!(row.state, State::Well | State::Degraded)
        })
    };
    // Who may not list the cameras still learns how the services are.
    let cameras = if answers(CAMERA) {
        let cameras = client.cameras().await.ok();
        cameras.map(|cameras| cameras.into_values().collect::<Vec<_>>())
    } else {
        None
    };
    let (mut node_id, mut sinks) = (String::new(), Vec::new());
    if answers(METRICS) {
        let metrics = client.metrics().await?;
        node_id = metrics.node_id().await.unwrap_or_default();
        sinks = metrics.sinks().await.unwrap_or_default();
    }
    let fleet = if answers(ENROLMENT) {
        enrolment::sentence_of(client).await
    } else {
        None
    };
    let summary = summary(&services, cameras.as_ref().map(Vec::len));
    let healthy = services.iter().all(|row| row.state == State::Well);
    Ok(Status {
        healthy,
        summary,
        node_id,
        fleet,
        services,
        cameras,
        sinks,
    })
}

fn row(service: Service, health: Health) -> Row {
    let (state, version, problems) = match health {
        Health::Known { version, problems } if problems.is_empty() => {
            (State::Well, version, problems)
        }
        Health::Known { version, problems } => (State::Degraded, version, problems),
        Health::Silent => (State::Silent, String::new(), Vec::new()),
        Health::Absent => (State::NotRunning, String::new(), Vec::new()),
    };
    let trouble = |problem: Problem| Trouble {
        what: problem.what(),
        fix: problem.fix(),
        code: problem.code,
        subject: problem.subject,
    };
    Row {
        service: service.noun,
        unit: service.binary,
        running: state != State::NotRunning,
        state,
        version,
        problems: problems.into_iter().map(trouble).collect(),
    }
}

fn summary(services: &[Row], cameras: Option<usize>) -> String {
    let in_state = |state| {
        let rows = services.iter().filter(move |row| row.state == state);
        rows.map(|row| row.unit)
    };
    let absent: Vec<&str> = in_state(State::NotRunning).collect();
    if absent.len() == services.len() {
        return String::from("No service of Vigla is running.");
    }
    // A missing service is said once, by its absence, not by each peer that misses it.
    let missed = |trouble: &&Trouble| {
        !(trouble.code == "no-peer" && absent.contains(&trouble.subject.as_str()))
    };
    let problems = services.iter().flat_map(|row| &row.problems).filter(missed);
    let not_running = absent.iter().map(|unit| format!("`{unit}` is not running"));
    let silent = in_state(State::Silent).map(|unit| format!("`{unit}` does not answer"));
    let mut reasons: Vec<String> = not_running.chain(silent).collect();
    for trouble in problems {
        if !reasons.contains(&trouble.what) {
            reasons.push(trouble.what.clone());
        }
    }
    if !reasons.is_empty() {
        return format!("Degraded, because {}.", reasons.join("; "));
    }
    match cameras {
        None => String::from("All is well."),
        Some(1) => String::from("All is well: one camera is watched."),
        Some(n) => format!("All is well: {n} cameras are watched."),
    }
}

/// What to do, each step once.
fn next_steps(services: &[Row]) -> Vec<String> {
    let fixes = services.iter().flat_map(|row| &row.problems);
    let fixes = fixes.map(|trouble| trouble.fix.clone());
    let others = services.iter().filter_map(|row| match row.state {
        State::Silent => Some(format!("restart `{}`", row.unit)),
        State::NotRunning => Some(format!("see the log of `{}` for the reason", row.unit)),
        State::Well | State::Degraded => None,
    });
    let mut steps: Vec<String> = fixes.chain(others).filter(|s| !s.is_empty()).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

fn print(status: &Status, out: Out) -> std::io::Result<()> {
    let tone = if status.healthy {
        Tone::Good
    } else {
        Tone::Bad
    };
    out.line(out.paint(&safe(&status.summary), tone))?;
    for step in next_steps(&status.services) {
        out.line(format!("  - {}", safe(&step)))?;
    }
    out.line("")?;
    let row = |row: &Row| {
        let state = match row.state {
            State::Well => "well",
            State::Degraded => "degraded",
            State::Silent => "no answer",
            State::NotRunning => "not running",
        };
        [
            row.service.to_owned(),
            state.to_owned(),
            row.version.clone(),
        ]
    };
    let rows: Vec<_> = status.services.iter().map(row).collect();
    out.table(["SERVICE", "STATE", "VERSION"], &rows)?;
    for camera in status.cameras.iter().flatten() {
        let line = format!(
            "camera {}: {}, picture {}, {:.1}/s",
            camera.id, camera.state, camera.picture, camera.frame_rate
        );
        out.line(safe(&line))?;
    }
    if !status.node_id.is_empty() {
        out.line(format!("node {}", safe(&status.node_id)))?;
    }
    if let Some(fleet) = &status.fleet {
        out.line(format!("fleet: {}", safe(fleet)))?;
    }
    for sink in &status.sinks {
        let account = crate::queue::account(sink);
        let line = format!("sink {}: {}; {account}", sink.name, sink.state);
        out.line(safe(&line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
