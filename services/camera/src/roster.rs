//! Which cameras there are: those with names, and those that are plugged in.
//!
//! A camera joins when it is named or first seen, with an object on the bus and a thread of its
//! own, and stays until the daemon ends; unplugged it is `absent`. Plugging is heard from
//! uevents and read from sysfs; who is who decides [`identity`](crate::identity).

mod wanted;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vigla_bus::Problem;
use vigla_bus::names::camera_path;
use vigla_kit::Context;

use crate::board::{Board, Facts};
use crate::bus::{CameraObject, tell_changes};
use crate::config::{Camera, Settings};
use crate::health::Examiner;
use crate::identity::{Found, Identity, recognise};
use crate::keeper::Keeper;
use crate::ledger::Ledger;
use crate::mask::Masks;
use crate::metrics::Metrics;
use crate::opener::{Socket, opener};
use crate::pipeline::Pipeline;
use crate::pulse::Pulse;
use crate::sysfs::Inventory;
use crate::uevent::Listener;

/// A look without being told, in case a message was lost; also keeps the watchdog fed.
const LOOK: Duration = Duration::from_secs(10);
/// The same when the kernel cannot tell us at all.
const LOOK_DEAF: Duration = Duration::from_millis(900);

/// All cameras.
pub(crate) struct Roster {
    context: Context,
    settings: Settings,
    metrics: Metrics,
    pulse: Pulse,
    ledger: Ledger,
    inventory: Box<dyn Inventory>,
    seats: BTreeMap<String, Seat>,
}

struct Seat {
    board: Arc<Board>,
    socket: Socket,
}

impl Roster {
    pub(crate) fn new(
        context: Context,
        settings: Settings,
        metrics: Metrics,
        pulse: Pulse,
        inventory: Box<dyn Inventory>,
    ) -> Self {
        Self {
            ledger: Ledger::open(context.state_dir()),
            seats: BTreeMap::new(),
            context,
            settings,
            metrics,
            pulse,
            inventory,
        }
    }

    /// Adds everything that is named or plugged in.
    pub(crate) async fn fill(&mut self) -> anyhow::Result<()> {
        // Found first: a named camera that is there shows where it is.
        self.look().await?;
        for (name, camera) in self.settings.camera.clone() {
            if !self.seats.contains_key(name.as_str()) {
                let location = camera.source.location();
                self.add(name.as_str(), &camera, location, Socket::default())
                    .await?;
            }
        }
        self.say_if_empty();
        Ok(())
    }

    /// Follows what is plugged in until the daemon ends.
    pub(crate) async fn follow(mut self, listener: Option<Listener>) -> anyhow::Result<()> {
        let beat = self.pulse.join();
        let pause = if listener.is_some() { LOOK } else { LOOK_DEAF };
        loop {
            let told = async {
                match &listener {
                    Some(listener) => listener.changed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                told = told => told.context("listen for uevents")?,
                () = tokio::time::sleep(pause) => {}
            }
            self.look().await?;
            self.say_if_empty();
            beat.beat();
        }
    }

    /// Reads what is plugged in and tells each camera where it is.
    async fn look(&mut self) -> anyhow::Result<()> {
        let cameras = match self.inventory.cameras() {
            Ok(cameras) => cameras,
            Err(error) => {
                tracing::debug!(%error, "cannot list cameras, keeping those we know");
                return Ok(());
            }
        };
        let found: Vec<Found> = cameras
            .iter()
            .filter(|attributes| wanted::is_wanted(&self.settings, attributes))
            .map(|attributes| Found {
                identity: Identity::of(attributes),
                node: attributes.node.clone(),
                card: attributes.card.clone(),
            })
            .collect();
        let named = wanted::named(&self.settings);
        let unnamed = self.settings.takes_unnamed();
        let ids = recognise(&named, self.ledger.entries(), &found, unnamed);
        let here: BTreeMap<String, &Found> = ids
            .into_iter()
            .zip(&found)
            .filter_map(|(id, camera)| Some((id?, camera)))
            .collect();
        for (id, camera) in &here {
            self.ledger.note(id, &camera.identity);
            if !self.seats.contains_key(id) {
                let socket = Socket::default();
                socket.set(Some(camera.node.clone()));
                let settings = wanted::settings_of(&self.settings, id, camera);
                let location = camera.identity.location();
                self.add(id, &settings, location, socket).await?;
            }
        }
        for (id, seat) in &self.seats {
            let node = here.get(id).map(|camera| camera.node.clone());
            if seat.board.facts.source == "v4l2" && seat.socket.set(node.clone()) {
                tracing::info!(id, node = ?node, "{}", if node.is_some() { "plugged in" } else { "unplugged" });
                seat.board.ring();
            }
        }
        Ok(())
    }

    /// Serves the object of a camera and starts its thread.
    async fn add(
        &mut self,
        id: &str,
        camera: &Camera,
        location: String,
        socket: Socket,
    ) -> anyhow::Result<()> {
        let label = if camera.label.is_empty() {
            id
        } else {
            &camera.label
        };
        let facts = Facts {
            label: label.to_owned(),
            source: camera.source.kind(),
            location,
            masks: u32::try_from(camera.masks.len()).unwrap_or(u32::MAX),
        };
        let board = Arc::new(Board::new(id.to_owned(), facts));
        let metrics = self.metrics.of(id);
        let (clock, quality) = (&self.context.clock, self.settings.quality.get());
        let frozen_after = self.settings.frozen_after.get().as_micros();
        let pipeline = Pipeline::new(
            Arc::clone(&board),
            clock.clone(),
            metrics.clone(),
            Masks::new(&camera.masks, quality)?,
            quality,
            Examiner::new(u64::try_from(frozen_after).unwrap_or(u64::MAX))?,
        )?;
        let keeper = Keeper {
            opener: opener(camera, &self.settings, clock, &socket),
            board: Arc::clone(&board),
            pipeline,
            metrics,
            problems: self.context.problems.clone(),
            beat: self.pulse.join(),
            flowing: None,
            newest: Instant::now(),
            told: None,
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
        // Subscribed before the first change can come.
        let telling = tell_changes(server.clone(), path, board.status());
        self.context.spawn("camera properties", telling);
        self.context
            .thread(&format!("camera-{id}"), move |stop| {
                keeper.keep(&stop);
                Ok(())
            })
            .context("start a capture thread")?;
        self.seats.insert(id.to_owned(), Seat { board, socket });
        Ok(())
    }

    fn say_if_empty(&self) {
        let empty = self.seats.is_empty();
        let problem = empty.then(|| Problem::new("no-camera", ""));
        self.context
            .problems
            .replace(&["no-camera"], problem.into_iter().collect());
    }
}
