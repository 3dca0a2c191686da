//! `viglactl status`: one sentence that says how the node is, and what to do.

use std::process::ExitCode;

use serde::Serialize;
use vigla_bus::metrics::Sink;
use vigla_bus::names::SERVICES;

use crate::client::{Camera, Client};
use crate::fault::{FAILED, Fault, UNAVAILABLE};
use crate::out::{Out, Tone, safe};

/// One service.
#[derive(Debug, Serialize)]
struct Row {
    service: &'static str,
    unit: &'static str,
    running: bool,
    version: String,
    problems: Vec<Trouble>,
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
struct Status {
    healthy: bool,
    summary: String,
    node_id: String,
    services: Vec<Row>,
    cameras: Vec<Camera>,
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

async fn ask(client: &Client) -> Result<Status, Fault> {
    let mut services = Vec::new();
    for service in SERVICES {
        let health = client.health(service).await?;
        let running = health.is_some();
        let (version, problems) =
            health.map_or_else(Default::default, |health| (health.version, health.problems));
        let trouble = |problem: &vigla_bus::Problem| Trouble {
            what: problem.what(),
            fix: problem.fix(),
            code: problem.code.clone(),
            subject: problem.subject.clone(),
        };
        let problems = problems.iter().map(trouble).collect();
        services.push(Row {
            service: service.noun,
            unit: service.binary,
            running,
            version,
            problems,
        });
    }
    // Who may not list the cameras still learns how the services are.
    let cameras = client
        .cameras()
        .await
        .map_or_else(|_| Vec::new(), |cameras| cameras.into_values().collect());
    let metrics = client.metrics().await?;
    let node_id = metrics.node_id().await.unwrap_or_default();
    let sinks = metrics.sinks().await.unwrap_or_default();
    let summary = summary(&services, cameras.len());
    let healthy = services
        .iter()
        .all(|row| row.running && row.problems.is_empty());
    Ok(Status {
        healthy,
        summary,
        node_id,
        services,
        cameras,
        sinks,
    })
}

fn summary(services: &[Row], cameras: usize) -> String {
    let absent: Vec<&str> = services
        .iter()
        .filter(|row| !row.running)
        .map(|row| row.unit)
        .collect();
    if absent.len() == services.len() {
        return String::from("No service of Vigla is running.");
    }
    // A missing service is said once, by its absence, not by each peer that misses it.
    let missed = |trouble: &&Trouble| {
        !(trouble.code == "no-peer" && absent.contains(&trouble.subject.as_str()))
    };
    let problems = services.iter().flat_map(|row| &row.problems).filter(missed);
    let mut reasons: Vec<String> = absent
        .iter()
        .map(|unit| format!("`{unit}` is not running"))
        .collect();
    for trouble in problems {
        if !reasons.contains(&trouble.what) {
            reasons.push(trouble.what.clone());
        }
    }
    match (reasons.is_empty(), cameras) {
        (true, 1) => String::from("All is well: one camera is watched."),
        (true, n) => format!("All is well: {n} cameras are watched."),
        (false, _) => format!("Degraded, because {}.", reasons.join("; ")),
    }
}

fn print(status: &Status, out: Out) -> std::io::Result<()> {
    let tone = if status.healthy {
        Tone::Good
    } else {
        Tone::Bad
    };
    out.line(out.paint(&safe(&status.summary), tone))?;
    let troubles: Vec<&Trouble> = status
        .services
        .iter()
        .flat_map(|row| &row.problems)
        .collect();
    let mut fixes: Vec<&str> = troubles
        .iter()
        .map(|trouble| trouble.fix.as_str())
        .filter(|fix| !fix.is_empty())
        .collect();
    fixes.sort_unstable();
    fixes.dedup();
    for fix in fixes {
        out.line(format!("  - {}", safe(fix)))?;
    }
    out.line("")?;
    let row = |row: &Row| {
        let state = match (row.running, row.problems.is_empty()) {
            (false, _) => "not running",
            (true, true) => "well",
            (true, false) => "degraded",
        };
        [
            row.service.to_owned(),
            state.to_owned(),
            row.version.clone(),
        ]
    };
    let rows: Vec<_> = status.services.iter().map(row).collect();
    out.table(["SERVICE", "STATE", "VERSION"], &rows)?;
    for camera in &status.cameras {
        let line = format!(
            "camera {}: {}, picture {}, {:.1}/s",
            camera.id, camera.state, camera.picture, camera.frame_rate
        );
        out.line(safe(&line))?;
    }
    if !status.node_id.is_empty() {
        out.line(format!("node {}", safe(&status.node_id)))?;
    }
    for sink in &status.sinks {
        let Sink {
            name,
            state,
            accepted,
            sent,
            stored,
            dropped,
        } = sink;
        let line = format!(
            "sink {name}: {state}; {accepted} accepted = {sent} sent + {stored} stored + {dropped} dropped"
        );
        out.line(safe(&line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(unit: &'static str, running: bool, problems: &[(&str, &str)]) -> Row {
        let trouble = |(code, subject): &(&str, &str)| {
            let problem = vigla_bus::Problem::new(code, *subject);
            Trouble {
                code: problem.code.clone(),
                subject: problem.subject.clone(),
                what: problem.what(),
                fix: problem.fix(),
            }
        };
        let problems = problems.iter().map(trouble).collect();
        Row {
            service: "x",
            unit,
            running,
            version: String::new(),
            problems,
        }
    }

    #[test]
    fn one_sentence_says_it_all() {
        let well = [
            row("vigla-camera", true, &[]),
            row("vigla-detector", true, &[]),
        ];
        assert_eq!(summary(&well, 1), "All is well: one camera is watched.");
        let absent = [
            row("vigla-camera", true, &[("no-peer", "vigla-detector")]),
            row("vigla-detector", false, &[]),
        ];
        assert_eq!(
            summary(&absent, 1),
            "Degraded, because `vigla-detector` is not running."
        );
        let trouble = [row("vigla-camera", true, &[("camera-gone", "front")])];
        assert_eq!(
            summary(&trouble, 1),
            "Degraded, because camera `front` is not plugged in."
        );
        assert_eq!(
            summary(&[row("vigla-camera", false, &[])], 0),
            "No service of Vigla is running."
        );
    }
}
