//! `viglactl metrics blackbox`: the last minute of the last run that ended badly.

use std::process::ExitCode;

use serde_json::Value;
use vigla_bus::names::METRICS;

use crate::client::Client;
use crate::fault::Fault;
use crate::out::{Out, safe};

pub(crate) async fn run(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let text = client.metrics().await?.black_box().await;
    let text = text.map_err(|error| Fault::call(METRICS.binary, "read the black box", &error))?;
    // Made by the service; what is no JSON is shown as it is.
    let wreck = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if out.json() {
        out.value(&wreck)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(seconds) = wreck["seconds"].as_array() else {
        out.line("no run of this node has ended badly")?;
        return Ok(ExitCode::SUCCESS);
    };
    let whose = match wreck["ended"].as_str() {
        Some("machine") => "the machine went",
        _ => "the service was killed or crashed",
    };
    out.line(format!("{whose}; its last {} seconds:", seconds.len()))?;
    for second in seconds {
        out.line(safe(&line(second)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One second in a line: when, in seconds since 1970, how the machine was, what happened.
fn line(second: &Value) -> String {
    let number = |key: &str| second[key].as_f64().unwrap_or_default();
    let notes = second["notes"].as_array().into_iter().flatten();
    let notes: Vec<_> = notes.filter_map(Value::as_str).collect();
    // A machine without a sensor has no temperature, and says none.
    let warmth = second["celsius"].as_f64();
    let warmth = warmth.map_or_else(String::new, |celsius| format!("  {celsius:>5.1} °C"));
    format!(
        "  {:>12.0}  cpu {:>3.0} %  memory {:>6.0} MB{warmth}  {} cameras  {} wait  {}",
        number("time_usec") / 1e6,
        number("cpu") * 100.0,
        number("memory_mb"),
        number("cameras"),
        number("stored"),
        notes.join(", ")
    )
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_a_line_also_when_it_is_damaged() {
        let second = serde_json::json!({
            "time_usec": 1_700_000_000_000_000_u64, "cpu": 0.5, "memory_mb": 900, "celsius": 48.7,
            "cameras": 1, "stored": 3, "notes": ["arrival person 7 front"],
        });
        let shown = line(&second);
        assert!(
            shown.contains("1700000000") && shown.ends_with("3 wait  arrival person 7 front"),
            "{shown}"
        );
        assert!(shown.contains("48.7 °C"), "{shown}");
        let unknown = line(&Value::Null);
        assert!(
            unknown.contains("0 cameras") && !unknown.contains("°C"),
            "{unknown}"
        );
    }
}
