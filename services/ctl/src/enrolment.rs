//! `viglactl enrolment ...`: how far the node is on its way into a fleet, and what stands in it.

use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;
use vigla_bus::enrolment::{self, Check, Mistake, told};
use vigla_bus::names::ENROLMENT;
use vigla_bus::zbus;

use crate::client::Client;
use crate::fault::{FAILED, Fault};
use crate::out::{Out, Tone, safe};

fn fault(what: &str, error: &zbus::Error) -> Fault {
    Fault::call(ENROLMENT.binary, what, error)
}

/// How far it is, and when it tries again, in a sentence for `viglactl status`.
pub(crate) async fn sentence_of(client: &Client) -> Option<String> {
    let enrolment = client.enrolment().await.ok()?;
    let (state, reason) = (
        enrolment.state().await.ok()?,
        enrolment.reason().await.ok()?,
    );
    let next = when(enrolment.next_attempt().await.ok()?);
    let told = told(&state, &reason);
    Some(match next {
        Some(next) if state != "confirmed" => format!("{told} It asks again at {next}."),
        _ => told,
    })
}

fn when(usec: u64) -> Option<String> {
    let next = UNIX_EPOCH.checked_add(Duration::from_micros(usec))?;
    (usec > 0).then(|| humantime::format_rfc3339_seconds(next).to_string())
}

/// Everything that the service shows.
struct Shown {
    state: String,
    reason: String,
    device_id: String,
    node_name: String,
    url: String,
    generation: u64,
    next_usec: u64,
    mistakes: Vec<Mistake>,
}

/// State, reason, identity, and when it tries again.
pub(crate) async fn status(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let enrolment = client.enrolment().await?;
    let ask = async {
        zbus::Result::Ok(Shown {
            state: enrolment.state().await?,
            reason: enrolment.reason().await?,
            device_id: enrolment.device_id().await?,
            node_name: enrolment.node_name().await?,
            url: enrolment.registration_url().await?,
            generation: enrolment.generation().await?,
            next_usec: enrolment.next_attempt().await?,
            mistakes: enrolment.mistakes().await?,
        })
    };
    let shown = ask.await.map_err(|e| fault("read the enrolment", &e))?;
    if out.json() {
        out.value(&json!({
            "state": shown.state, "reason": shown.reason, "sentence": told(&shown.state, &shown.reason),
            "device_id": shown.device_id,
            "node_name": shown.node_name, "registration_url": shown.url,
            "generation": shown.generation, "next_attempt": shown.next_usec, "mistakes": shown.mistakes,
        }))?;
    } else {
        print(&shown, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(shown: &Shown, out: Out) -> Result<(), Fault> {
    let text = safe(&told(&shown.state, &shown.reason));
    out.line(match enrolment::tone(&shown.state, &shown.reason) {
        enrolment::Tone::Good => out.paint(&text, Tone::Good),
        enrolment::Tone::Bad => out.paint(&text, Tone::Bad),
        enrolment::Tone::Under => text,
    })?;
    for mistake in &shown.mistakes {
        let Mistake { line, what, fix } = mistake;
        out.line(format!(
            "enrolment.toml line {line}: {}; {}",
            safe(what),
            safe(fix)
        ))?;
    }
    for (name, value) in [
        ("node", &shown.node_name),
        ("device", &shown.device_id),
        ("registrar", &shown.url),
    ] {
        if !value.is_empty() {
            out.line(format!("{name}: {}", safe(value)))?;
        }
    }
    if shown.generation > 0 {
        out.line(format!("grant: {}", shown.generation))?;
    }
    if let Some(next) = when(shown.next_usec) {
        out.line(format!("asks again: {next}"))?;
    }
    Ok(())
}

/// Each part of the way to the registrar.
pub(crate) async fn check(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let checks = client.enrolment().await?.diagnose().await;
    let checks = checks.map_err(|error| fault("look at the way", &error))?;
    if out.json() {
        out.value(&json!({ "checks": checks }))?;
    } else {
        for check in &checks {
            let Check {
                name,
                result,
                detail,
                fix,
            } = check;
            let tone = if result == "failed" {
                Tone::Bad
            } else {
                Tone::Good
            };
            let result = out.paint(&format!("{result:7}"), tone);
            out.line(format!("{result}  {:5}  {}", safe(name), safe(detail)))?;
            if !fix.is_empty() {
                out.line(format!("                {}", safe(fix)))?;
            }
        }
    }
    let failed = checks.iter().any(|check| check.result == "failed");
    Ok(if failed {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Tries now.
pub(crate) async fn retry(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let asked = client.enrolment().await?.retry().await;
    asked.map_err(|error| fault("try again", &error))?;
    if out.json() {
        out.value(&json!({ "retried": true }))?;
    } else {
        out.line("it tries now; `viglactl enrolment status` says how it went")?;
    }
    Ok(ExitCode::SUCCESS)
}
