//! `viglactl detector ...`.

use std::process::ExitCode;

use serde_json::json;
use vigla_bus::detector::{Event, Model};
use vigla_bus::names::DETECTOR;
use vigla_bus::zbus;

use crate::cli::Events;
use crate::client::Client;
use crate::fault::Fault;
use crate::out::{Out, counts, safe};

fn fault(what: &str, error: &zbus::Error) -> Fault {
    Fault::call(DETECTOR.binary, what, error)
}

pub(crate) async fn status(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let proxy = client.detector().await?;
    let ask = async {
        zbus::Result::Ok((
            proxy.model().await?,
            proxy.labels().await?,
            proxy.shapes().await?,
        ))
    };
    let (model, labels, shapes) = ask
        .await
        .map_err(|error| fault("ask the detector", &error))?;
    if out.json() {
        out.value(&json!({ "model": model, "labels": labels, "shapes": shapes }))?;
        return Ok(ExitCode::SUCCESS);
    }
    out.line(format!("model   {}", describe(&model)))?;
    out.line(format!("labels  {}", labels.join(", ")))?;
    let mut shapes: Vec<_> = shapes.into_iter().collect();
    shapes.sort_by(|a, b| a.0.cmp(&b.0));
    for (camera, shapes) in shapes {
        let names: Vec<_> = shapes
            .iter()
            .map(|shape| format!("{} {}", shape.kind, shape.name))
            .collect();
        out.line(format!(
            "shapes  {}: {}",
            safe(&camera),
            safe(&names.join(", "))
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn load(
    client: &Client,
    model: &str,
    version: &str,
    out: Out,
) -> Result<ExitCode, Fault> {
    let loaded = client.detector().await?.load_model(model, version).await;
    let loaded = loaded.map_err(|error| fault(&format!("load model `{model}`"), &error))?;
    if out.json() {
        out.value(&json!({ "model": loaded }))?;
    } else {
        out.line(format!("{} answers now", describe(&loaded)))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn events(client: &Client, options: &Events, out: Out) -> Result<ExitCode, Fault> {
    let events = client
        .detector()
        .await?
        .list_events(options.after, options.limit)
        .await;
    let events = events.map_err(|error| fault("list the events", &error))?;
    for event in &events {
        if out.json() {
            out.value(event)?;
        } else {
            out.line(sentence(event))?;
        }
    }
    if events.is_empty() && !out.json() {
        out.line("nothing has happened")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(model: &Model) -> String {
    if model.name.is_empty() {
        return String::from("none");
    }
    format!(
        "{} version {} (sha256 {:.12})",
        model.name, model.version, model.digest
    )
}

/// `77  08:00:00.767Z synced  front  arrival person 60 (0.57), in view car 2, because scores 0.41 0.57`.
fn sentence(event: &Event) -> String {
    let track = if event.track == 0 {
        String::new()
    } else {
        format!(" {} ({:.2})", event.track, event.score)
    };
    let zones = if event.zones.is_empty() {
        String::new()
    } else {
        format!(" in {}", event.zones.join(", "))
    };
    let reasons: Vec<String> = event
        .reasons
        .iter()
        .map(|(rule, value)| format!("{rule} {value}"))
        .collect();
    let because = if reasons.is_empty() {
        String::new()
    } else {
        format!(", because {}", reasons.join(", "))
    };
    safe(&format!(
        "{:>5}  {} {:6}  {}  {} {}{track}{zones}, in view {}{because}",
        event.id,
        time_of_day(event.time_usec),
        event.time_quality,
        event.camera_id,
        event.kind,
        event.label,
        counts(&event.counts),
    ))
}

/// Hours, minutes and seconds in UTC.
fn time_of_day(usec: u64) -> String {
    let (ms, seconds) = (usec / 1000 % 1000, usec / 1_000_000);
    format!(
        "{:02}:{:02}:{:02}.{ms:03}Z",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = Event {
            id: 77,
            camera_id: "front".into(),
            time_usec: 1_795_334_400_767_000,
            time_quality: "synced".into(),
            kind: "arrival".into(),
            label: "person".into(),
            track: 60,
            score: 0.57,
            zones: vec!["street".into()],
            counts: BTreeMap::from([("person".into(), 1), ("car".into(), 0)]),
            reasons: BTreeMap::from([("scores".into(), "0.41 0.57".into())]),
            ..Event::default()
        };
        let line = sentence(&event);
        assert_eq!(
            line,
            "   77  08:00:00.767Z synced  front  arrival person 60 (0.57) in street, in view person 1, because scores 0.41 0.57"
        );
    }
}
