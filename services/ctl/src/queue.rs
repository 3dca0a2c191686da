//! `viglactl metrics queue`: what became of every message, and what waits.

use std::process::ExitCode;
use std::time::Duration;

use vigla_bus::metrics::Sink;
use vigla_bus::names::METRICS;

use crate::client::Client;
use crate::fault::{FAILED, Fault};
use crate::out::{Out, Tone, safe};

pub(crate) async fn run(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let sinks = client.metrics().await?.sinks().await;
    let sinks = sinks.map_err(|error| Fault::call(METRICS.binary, "list the sinks", &error))?;
    for sink in &sinks {
        if out.json() {
            out.value(sink)?;
        } else {
            print(sink, out)?;
        }
    }
    Ok(if sinks.iter().all(well) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn well(sink: &Sink) -> bool {
    sink.state == "connected" && sink.trouble.is_empty()
}

/// The account in one line: `9 accepted = 6 sent + 2 stored + 1 dropped (1 full)`.
pub(crate) fn account(sink: &Sink) -> String {
    let by = sink.dropped_by.iter().filter(|(_, count)| **count > 0);
    let by: Vec<String> = by
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let why = if by.is_empty() {
        String::new()
    } else {
        format!(" ({})", by.join(", "))
    };
    format!(
        "{} accepted = {} sent + {} stored + {} dropped{why}",
        sink.accepted, sink.sent, sink.stored, sink.dropped
    )
}

fn print(sink: &Sink, out: Out) -> std::io::Result<()> {
    let tone = if well(sink) { Tone::Good } else { Tone::Bad };
    let state = out.paint(&safe(&sink.state), tone);
    out.line(format!("{}: {state}", safe(&sink.name)))?;
    out.line(format!("  {}", safe(&account(sink))))?;
    out.line(format!("  {}", waiting(sink)))?;
    if sink.trouble.is_empty() {
        return Ok(());
    }
    let trouble = format!("nothing is written to disk: {}", sink.trouble);
    out.line(format!("  {}", out.paint(&safe(&trouble), Tone::Bad)))
}

fn waiting(sink: &Sink) -> String {
    let age = humantime::format_duration(Duration::from_secs(sink.oldest_secs.into()));
    let oldest = if sink.oldest_secs > 0 {
        format!(", the oldest for {age}")
    } else {
        String::new()
    };
    format!(
        "{} bytes on disk{oldest}; {} in memory only",
        sink.bytes, sink.in_memory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reasons_that_happened_are_told() {
        let mut sink = Sink {
            accepted: 9,
            sent: 6,
            stored: 3,
            ..Sink::default()
        };
        sink.dropped_by.insert("full".to_owned(), 0);
        assert_eq!(account(&sink), "9 accepted = 6 sent + 3 stored + 0 dropped");
        sink.dropped_by.insert("old".to_owned(), 2);
        sink.dropped = 2;
        assert!(account(&sink).ends_with("2 dropped (2 old)"));
    }

    #[test]
    fn nothing_waits_for_no_time() {
        assert_eq!(
            waiting(&Sink::default()),
            "0 bytes on disk; 0 in memory only"
        );
    }
}
