//! `viglactl update history`: what happened to the slots, with the dossiers of starts that failed.

use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use vigla_bus::updater::{HistoryEntry, explain};

use super::fault;
use crate::client::Client;
use crate::fault::Fault;
use crate::out::{Out, safe};

/// What happened, newest first.
pub(crate) async fn history(client: &Client, limit: u32, out: Out) -> Result<ExitCode, Fault> {
    let all = client.updater().await?.list_history(limit).await;
    let all = all.map_err(|error| fault("read the history", &error))?;
    if out.json() {
        for entry in &all {
            out.value(&as_json(entry))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        out.line("nothing has happened yet")?;
    }
    for entry in &all {
        for line in lines(entry) {
            out.line(safe(&line))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The dossier as an object, not as a text in a text.
fn as_json(entry: &HistoryEntry) -> Value {
    let mut value = json!(entry);
    value["dossier"] = dossier(entry);
    value
}

fn dossier(entry: &HistoryEntry) -> Value {
    serde_json::from_str(&entry.dossier).unwrap_or(Value::Null)
}

fn lines(entry: &HistoryEntry) -> Vec<String> {
    let time = UNIX_EPOCH.checked_add(Duration::from_micros(entry.time_usec));
    let time = time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
    let mut lines = vec![format!("{}  {}", time.unwrap_or_default(), sentence(entry))];
    let dossier = dossier(entry);
    let list = |key: &str| dossier[key].as_array().cloned().unwrap_or_default();
    for check in list("checks") {
        let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
        let after = check["after_ms"].as_u64().unwrap_or(0) / 1000;
        lines.push(format!(
            "    {:<9} {:<9} {after:>4} s  {}",
            text("name"),
            text("state"),
            text("subject")
        ));
    }
    for unit in list("failed_units") {
        lines.push(format!(
            "    failed unit: {}",
            unit.as_str().unwrap_or_default()
        ));
    }
    let kernel = list("kernel");
    if !kernel.is_empty() {
        lines.push(String::from("    last lines of the kernel:"));
    }
    lines.extend(
        kernel
            .iter()
            .map(|line| format!("      {}", line.as_str().unwrap_or_default())),
    );
    let trimmed = lines.into_iter().map(|line| line.trim_end().to_owned());
    trimmed.collect()
}

fn sentence(entry: &HistoryEntry) -> String {
    let HistoryEntry {
        slot,
        version,
        before,
        source,
        result,
        tries,
        ..
    } = entry;
    match entry.event.as_str() {
        "installed" => format!("version {version} was written to slot {slot}, from {source}"),
        "refused" => format!("not installed from {source}: {}", reason(entry)),
        "passed" => format!("version {version} in slot {slot} passed the mission gate"),
        "failed" => format!(
            "version {version} in slot {slot} did not pass the mission gate (`{result}`), start {tries}"
        ),
        "unwell" => format!(
            "version {version} in slot {slot} runs, but did not pass the mission gate (`{result}`)"
        ),
        "fell-back" => format!(
            "version {version} in slot {slot} was given up, {}; version {before} runs again",
            starts(*tries)
        ),
        "rolled-back" => format!("went back to slot {slot}, from version {before}"),
        other => format!("{other} {version} {slot} {result}"),
    }
}

/// The history keeps no subject of a result: what the entry tells of it stands in its place.
fn reason(entry: &HistoryEntry) -> String {
    let subject = match entry.result.as_str() {
        "older" | "bad-version" => entry.version.as_str(),
        "unreachable" | "not-found" | "untrusted" => entry.source.as_str(),
        "wrong-machine" => "another machine",
        _ => "see the log of `vigla-updater`",
    };
    explain(&entry.result, subject).0
}

/// Starts that never came to the gate left no trace of ours.
fn starts(tries: u32) -> String {
    match tries {
        0 => String::from("it never came as far as the mission gate"),
        1 => String::from("after 1 start that did not pass"),
        n => format!("after {n} starts that did not pass"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_is_told_with_its_dossier() {
        let entry = HistoryEntry {
            time_usec: 1_764_000_000_000_000,
            event: "fell-back".into(),
            slot: "B".into(),
            version: "1.2.0".into(),
            before: "1.1.0".into(),
            tries: 3,
            dossier: r#"{"checks": [{"name": "services", "state": "failed", "subject": "detector", "after_ms": 300000}],
                "failed_units": ["vigla-detector.service"], "kernel": ["[1.0] oops"]}"#
                .into(),
            ..HistoryEntry::default()
        };
        assert_eq!(
            lines(&entry),
            [
                "2025-11-24T16:00:00Z  version 1.2.0 in slot B was given up, after 3 starts that did not pass; version 1.1.0 runs again",
                "    services  failed     300 s  detector",
                "    failed unit: vigla-detector.service",
                "    last lines of the kernel:",
                "      [1.0] oops",
            ]
        );
        assert_eq!(as_json(&entry)["dossier"]["checks"][0]["name"], "services");
    }

    #[test]
    fn a_refusal_is_told_by_what_the_entry_knows() {
        for (result, said) in [
            (
                "older",
                "the bundle has version `1.0.0`, which is older than what has run here",
            ),
            ("unreachable", "`http://a/x` cannot be reached"),
            ("locked", "the node is being enrolled"),
        ] {
            let entry = HistoryEntry {
                version: "1.0.0".into(),
                source: "http://a/x".into(),
                result: result.into(),
                ..HistoryEntry::default()
            };
            assert_eq!(reason(&entry), said);
        }
    }

    #[test]
    fn a_dossier_that_is_damaged_or_gone_is_left_out() {
        for dossier in ["", "{", "[]", "5"] {
            let entry = HistoryEntry {
                event: "unwell".into(),
                dossier: dossier.into(),
                ..HistoryEntry::default()
            };
            assert_eq!(lines(&entry).len(), 1, "{dossier}");
        }
    }
}
