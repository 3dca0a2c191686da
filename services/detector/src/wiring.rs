//! How the parts are put together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use vigla_bus::detector::{Event, Model, Shape};
use vigla_bus::names::DETECTOR;
use vigla_frames::{Config, Writer};
use vigla_kit::{Context, peer};
use vigla_vision::zone::Point;

use crate::bus::{Detector, Doors};
use crate::chronicle::Chronicle;
use crate::config::{AUTO, Settings};
use crate::courier::Courier;
use crate::engine::{Door, Engine};
use crate::eye::Eye;
use crate::loader::{self, Loader};
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::pulse::Pulses;
use crate::roster::{self, Need, Nerve};
use crate::scene::Scene;
use crate::shelf::{Installed, Shelf};
use crate::sight::Sight;
use crate::{tell, truth};

/// Slots for records: enough for page, metrics and tools to hold one each while we write on.
const RING: Config = Config {
    slots: 8,
    slot_bytes: 64 * 1024,
};

/// Runs the detector with the models of this machine.
pub async fn run(context: Context, settings: Settings) -> anyhow::Result<()> {
    let shelf = Installed::from_settings(&settings);
    run_with(context, settings, shelf).await
}

/// Runs the detector with models from `shelf`.
pub async fn run_with(
    context: Context,
    settings: Settings,
    shelf: impl Shelf + 'static,
) -> anyhow::Result<()> {
    let metrics = Metrics::new(&context.metrics).context("register metrics")?;
    let (door, pulses) = start_engine(&context)?;
    let (needed, is_needed) = watch::channel(Need::Unknown);
    let (desk, requests) = loader::desk();
    let loader = Loader {
        shelf: Box::new(shelf),
        door: door.clone(),
        problems: context.problems.clone(),
        metrics: metrics.clone(),
        wanted: (
            settings.engine_model().unwrap_or_default().to_owned(),
            settings.version.clone(),
        ),
        needed: is_needed.clone(),
        loaded: false,
    };
    context.thread("loader", move |stop| {
        loader.run(&requests, || stop.is_cancelled());
        Ok(())
    })?;

    context.spawn(
        "model watch",
        desk.watch(door.running().clone(), is_needed.clone()),
    );

    let (signals, to_signal) = mpsc::unbounded_channel();
    let keep = settings.keep_pictures.get();
    let chronicle = Arc::new(Chronicle::new(context.clock.clone(), keep));
    context.spawn("old pictures", forget_old(Arc::clone(&chronicle)));
    let parts = Parts {
        settings: Arc::new(settings),
        door: door.clone(),
        doors: Doors::default(),
        chronicle,
        signals,
        pulses,
        metrics,
    };
    let (model, seen_model) = watch::channel(Model::default());
    let object = Detector {
        doors: parts.doors.clone(),
        desk,
        chronicle: Arc::clone(&parts.chronicle),
        model: seen_model,
        labels: parts.settings.labels.clone(),
        shapes: shapes(&parts.settings),
    };
    let server = context.calls.object_server();
    server.at(DETECTOR.path, object).await?;
    let running = door.running().clone();
    context.spawn(
        "model property",
        tell::model(context.clone(), running, is_needed, model),
    );
    context.spawn("signals", tell::events(context.clone(), to_signal));

    let choice = parts.settings.model.clone();
    let needs_model = move |synthetic: bool| !reads_truth(&choice, synthetic);
    let open_eye = {
        let context = context.clone();
        move |id: &str, synthetic: bool, nerve: Nerve| {
            parts.open_eye(&context, id, synthetic, nerve)
        }
    };
    let cameras = peer::cameras(&context);
    context.spawn(
        "cameras",
        roster::follow(context.clone(), cameras, needs_model, needed, open_eye),
    );
    context.ready("no camera to look at yet").await
}

/// Whether a camera is looked at through the truth it writes into its pictures.
fn reads_truth(model: &str, synthetic: bool) -> bool {
    model == truth::NAME || model == AUTO && synthetic
}

fn start_engine(context: &Context) -> anyhow::Result<(Door, Pulses)> {
    let (engine, door) = Engine::new();
    let pulses = Pulses::default();
    let (life, beats) = (context.clone(), pulses.clone());
    context.thread("engine", move |stop| {
        let alive = || match beats.hanging(life.clock.mono_usec()) {
            None => life.alive(),
            Some(camera) => tracing::error!(camera, "its thread hangs, not feeding the watchdog"),
        };
        engine.run(alive, || stop.is_cancelled());
        Ok(())
    })?;
    // It waits for work; at the end there is none that would wake it.
    let last = Last(door.clone());
    context.spawn("end of the engine", async move {
        let _last = last;
        std::future::pending().await
    });
    Ok((door, pulses))
}

/// Wakes the engine when it is dropped. On a thread, for the engine may be busy.
struct Last(Door);

impl Drop for Last {
    fn drop(&mut self) {
        let door = self.0.clone();
        std::thread::spawn(move || door.wake());
    }
}

/// Forgets pictures of events in time, also when nothing happens any more.
async fn forget_old(chronicle: Arc<Chronicle>) -> anyhow::Result<()> {
    let mut beat = tokio::time::interval(Duration::from_secs(30));
    loop {
        beat.tick().await;
        chronicle.forget_old();
    }
}

/// What every eye is made of.
struct Parts {
    settings: Arc<Settings>,
    door: Door,
    doors: Doors,
    chronicle: Arc<Chronicle>,
    signals: mpsc::UnboundedSender<Event>,
    pulses: Pulses,
    metrics: Metrics,
}

impl Parts {
    fn open_eye(
        &self,
        context: &Context,
        id: &str,
        synthetic: bool,
        nerve: Nerve,
    ) -> anyhow::Result<()> {
        let settings = &self.settings;
        let truth = reads_truth(&settings.model, synthetic);
        let sight = if truth {
            Sight::truth(settings)?
        } else {
            Sight::model(settings, self.door.clone())?
        };
        let ring = Writer::create(&format!("detections-{id}"), RING)?;
        self.doors.enter(id, ring.door());
        let eye = Eye {
            camera_id: id.to_owned(),
            readers: nerve.readers,
            lost: nerve.lost,
            sight,
            scene: Scene::new(id, settings, truth),
            courier: Courier::default(),
            chronicle: Arc::clone(&self.chronicle),
            signals: self.signals.clone(),
            ring,
            pulse: self.pulses.enter(id, context.clock.mono_usec()),
            clock: context.clock.clone(),
            metrics: self.metrics.clone(),
            pace: Pace::new(settings.rate.period()),
            early: None,
        };
        tracing::info!(camera = id, truth, "looking");
        context.thread(&format!("eye {id}"), move |stop| {
            eye.run(|| stop.is_cancelled());
            Ok(())
        })?;
        Ok(())
    }
}

fn shapes(settings: &Settings) -> HashMap<String, Vec<Shape>> {
    let shape = |kind: &str, name: &String, points: &[Point]| Shape {
        kind: kind.into(),
        name: name.clone(),
        points: points.iter().map(|point| (*point).into()).collect(),
    };
    let of_camera = |camera: &crate::config::Camera| {
        let zones = camera.zones.iter();
        let zones = zones.map(|(name, zone)| shape("zone", name, zone.corners()));
        let lines = camera.lines.iter();
        let lines = lines.map(|(name, line)| shape("line", name, &line.ends()));
        zones.chain(lines).collect()
    };
    let cameras = settings.camera.iter();
    cameras
        .map(|(id, camera)| (id.clone(), of_camera(camera)))
        .collect()
}
