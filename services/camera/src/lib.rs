//! Owns the video devices and the frame rings; nobody else opens `/dev/video*`.
//!
//! ```text
//! uevents, sysfs ──► roster ──► a keeper per camera (its own thread)
//!                                 source ──► pipeline: masks, rings, JPEG, health
//!                                 board  ◄── what is known ──► bus: one object per camera
//! ```
//!
//! A camera has one capture thread for as long as the daemon lives. It opens its source, hands each
//! picture to the pipeline, and starts over when the source fails; the bus object only reads the
//! board and lets readers into the rings. Pictures never cross the bus, and with nobody looking
//! nothing is copied or encoded.
//!
//! Rooms: [`config`] what can be set; [`source`] where pictures come from; [`identity`] which camera
//! is which; [`sysfs`] and [`uevent`] what is plugged in; `roster` which cameras there are; `ledger` which had which id; `opener` how
//! each is opened; `keeper` one
//! camera's life; [`pipeline`] one picture's way; [`mask`], [`health`], [`jpeg`] its stages. Not here: the
//! rings themselves (`vigla-frames`), and what the pictures show (`vigla-detector`).

pub mod board;
mod bus;
pub mod config;
pub mod doors;
pub mod encode;
pub mod health;
pub mod identity;
pub mod jpeg;
mod keeper;
mod ledger;
pub mod mask;
pub mod metrics;
mod opener;
pub mod picture;
pub mod pipeline;
pub mod pulse;
mod roster;
pub mod source;
pub mod sysfs;
pub mod uevent;

use anyhow::Context as _;
use vigla_bus::names::CAMERA;
use vigla_bus::zbus::fdo::ObjectManager;
use vigla_kit::Context;

pub use config::Settings;

use crate::config::Kernel;
use crate::metrics::Metrics;
use crate::pulse::Pulse;
use crate::roster::Roster;
use crate::sysfs::Sysfs;
use crate::uevent::Listener;

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
    // Before the first look: what is plugged in from here on is heard.
    let listener = listen(&settings.kernel);
    let sysfs = Sysfs::new(&settings.kernel.sysfs, &settings.kernel.dev);
    let mut roster = Roster::new(context.clone(), settings, metrics, pulse, Box::new(sysfs));
    roster.fill().await?;
    context.ready("watching cameras").await?;
    roster.follow(listener).await
}

/// Without uevents we look more often, which is no reason to end.
fn listen(kernel: &Kernel) -> Option<Listener> {
    let listener = if kernel.uevents.as_os_str().is_empty() {
        Listener::kernel()
    } else {
        Listener::unix(&kernel.uevents)
    };
    listener
        .inspect_err(
            |error| tracing::warn!(%error, "cannot hear of plugged cameras, looking each second"),
        )
        .ok()
}
