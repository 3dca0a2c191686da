//! Which cameras there are: those with names, and those that are plugged in.

use std::sync::Arc;

use anyhow::Context as _;
use vigla_bus::names::{CAMERA, camera_path};
use vigla_bus::zbus::fdo::ObjectManager;
use vigla_kit::Context;

use crate::board::{Board, Facts};
use crate::bus::{CameraObject, tell_changes};
use crate::config::{Camera, Name, Origin, Settings};
use crate::health::Examiner;
use crate::keeper::{Keeper, Opener};
use crate::mask::Masks;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::pulse::Pulse;
use crate::source::replay::ffmpeg::{Ffmpeg, Input};
use crate::source::replay::url::Credentials;
use crate::source::replay::{self, Wish};
use crate::source::synthetic::Synthetic;
use crate::source::{Source, SourceError};

/// Wires the daemon and works until it is stopped.
pub async fn run(context: Context, settings: Settings) -> anyhow::Result<()> {
    let metrics = Metrics::new(&context.metrics).context("register metrics")?;
    let feeder = context.clone();
    let pulse = Pulse::new(move || feeder.alive());
    let server = context.calls.object_server();
    server
        .at(CAMERA.path, ObjectManager)
        .await
        .context("serve the roster")?;
    let mut roster = Roster {
        context: context.clone(),
        settings: settings.clone(),
        metrics,
        pulse,
    };
    for (name, camera) in &settings.camera {
        roster.add_named(name, camera).await?;
    }
    context.ready("watching cameras").await?;
    Ok(())
}

struct Roster {
    context: Context,
    settings: Settings,
    metrics: Metrics,
    pulse: Pulse,
}

impl Roster {
    async fn add_named(&mut self, name: &Name, camera: &Camera) -> anyhow::Result<()> {
        let label = if camera.label.is_empty() {
            name.as_str()
        } else {
            &camera.label
        };
        let facts = Facts {
            label: label.to_owned(),
            source: camera.source.kind(),
            location: camera.source.location(),
            masks: u32::try_from(camera.masks.len()).unwrap_or(u32::MAX),
        };
        let opener = self.opener(camera);
        self.start(name.as_str(), facts, camera, opener).await
    }

    fn opener(&self, camera: &Camera) -> Opener {
        let clock = self.context.clock.clone();
        let camera = camera.clone();
        let size = camera.size.unwrap_or(self.settings.size);
        let rate = camera.rate.unwrap_or(self.settings.rate);
        Box::new(move || {
            let wish = Wish {
                rate: camera.rate.map(vigla_kit::config::Rate::get),
                size: camera.size.map(|s| (s.width, s.height)),
            };
            match &camera.source {
                Origin::Synthetic => {
                    let source =
                        Synthetic::open(size.width, size.height, rate.period(), clock.clone())?;
                    Ok(Box::new(source) as Box<dyn Source>)
                }
                Origin::File(path) => replay::open(path, wish, clock.clone()),
                Origin::Network(address) => {
                    let credentials = camera
                        .credentials
                        .as_deref()
                        .map(read_credentials)
                        .transpose()?;
                    let input = Input::Network(address.clone(), credentials);
                    Ok(Box::new(Ffmpeg::start(&input, wish, clock.clone())?))
                }
                Origin::Device(_) => Err(SourceError::Gone("/dev/video0".into())),
            }
        })
    }

    /// Serves the object of a camera and starts its thread.
    async fn start(
        &mut self,
        id: &str,
        facts: Facts,
        camera: &Camera,
        opener: Opener,
    ) -> anyhow::Result<()> {
        let board = Arc::new(Board::new(id.to_owned(), facts));
        let metrics = self.metrics.of(id);
        let frozen_after = self.settings.frozen_after.get().as_micros();
        let pipeline = Pipeline::new(
            Arc::clone(&board),
            self.context.clock.clone(),
            metrics.clone(),
            Masks::new(&camera.masks, self.settings.quality.get())?,
            self.settings.quality.get(),
            Examiner::new(u64::try_from(frozen_after).unwrap_or(u64::MAX))?,
        )?;
        let keeper = Keeper {
            board: Arc::clone(&board),
            opener,
            pipeline,
            metrics,
            problems: self.context.problems.clone(),
            beat: self.pulse.join(),
        };
        let path = camera_path(id);
        let server = self.context.calls.object_server();
        let object = CameraObject {
            board: Arc::clone(&board),
        };
        server
            .at(path.as_str(), object)
            .await
            .context("serve a camera")?;
        self.context.spawn(
            "camera properties",
            tell_changes(server.clone(), path, board),
        );
        self.context
            .thread(&format!("camera-{id}"), move |stop| keeper.keep(&stop))
            .context("start a capture thread")
    }
}

fn read_credentials(path: &std::path::Path) -> Result<Credentials, SourceError> {
    let file = |source| SourceError::File {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(file)?;
    Credentials::parse(&text)
        .ok_or_else(|| file(std::io::Error::other("not one line `user:password`")))
}
