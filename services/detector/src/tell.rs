//! What the daemon says unasked: events, and which model answers.

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use vigla_bus::detector::{Event, Model};
use vigla_bus::names::DETECTOR;
use vigla_kit::Context;

use crate::bus::Detector;
use crate::engine::Running;
use crate::roster::Need;
use crate::truth;

/// Keeps the property `Model` true: what the engine runs, or `truth` when no camera is looked at
/// with it.
pub(crate) async fn model(
    context: Context,
    mut running: watch::Receiver<Option<Running>>,
    mut needed: watch::Receiver<Need>,
    model: watch::Sender<Model>,
) -> anyhow::Result<()> {
    loop {
        let runs = running
            .borrow_and_update()
            .as_ref()
            .map(|r| r.model.clone());
        let need = *needed.borrow_and_update();
        let now = match need {
            Need::Truth => truth_model(),
            Need::Model | Need::Unknown => runs.unwrap_or_default(),
        };
        let changed = model.send_if_modified(|old| {
            let changed = *old != now;
            *old = now;
            changed
        });
        if changed {
            let server = context.calls.object_server();
            let object = server.interface::<_, Detector>(DETECTOR.path).await?;
            let emitter = object.signal_emitter();
            let told = object.get().await.model_changed(emitter).await;
            told.context("tell the model")?;
        }
        tokio::select! {
            changed = running.changed() => if changed.is_err() { return Ok(()) },
            changed = needed.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

fn truth_model() -> Model {
    Model {
        name: truth::NAME.into(),
        version: "1".into(),
        digest: String::new(),
    }
}

/// Signals events; the couriers have made them few.
pub(crate) async fn events(
    context: Context,
    mut events: mpsc::UnboundedReceiver<Event>,
) -> anyhow::Result<()> {
    let server = context.calls.object_server();
    let object = server.interface::<_, Detector>(DETECTOR.path).await?;
    while let Some(event) = events.recv().await {
        let told = Detector::detection_reported(object.signal_emitter(), event).await;
        told.context("tell an event")?;
    }
    Ok(())
}
