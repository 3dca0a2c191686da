//! `vigla-enrolment`: the node's key, and its way into a fleet.
//!
//! The [`card`] may have a claim; the [`registrar`] is asked with it; the grant that comes back is kept in
//! the [`store`] and verified at each start. What is done next is decided in [`vigla_fleet::device`]; the
//! [`driver`] carries it out and shows how far it has come on the [`bus`].
//!
//! It never tells the claim to anybody, never believes a clock, and never starts the cluster's agent: that
//! is for who reads the grant.

pub mod board;
pub mod bus;
pub mod busy;
pub mod card;
pub mod config;
pub mod diagnose;
pub mod disk;
pub mod driver;
pub mod metrics;
pub mod registrar;
pub mod store;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::{Notify, watch};
use vigla_bus::names::ENROLMENT;
use vigla_fleet::device::State;
use vigla_kit::Context;
use vigla_kit::proxy::Way;

use crate::bus::Enrolment;
use crate::card::Card;
pub use crate::config::Settings;
use crate::disk::Folder;
use crate::driver::{Driver, Shown};
use crate::metrics::Series;
use crate::store::Store;

/// Wires the daemon.
pub async fn run(context: Context, settings: Settings) -> anyhow::Result<()> {
    let series = Series::register(&context.metrics).context("register the metrics")?;
    let card = Card::read(&settings.file, &settings.erase_requests);
    for mistake in &card.mistakes {
        tracing::warn!(line = mistake.line, "enrolment.toml: {mistake}");
    }
    let (sender, shown) = watch::channel(Shown::default());
    let way = Way::of_environment();
    let retry = Arc::new(Notify::new());
    let root = Enrolment {
        shown: shown.clone(),
        card: card.clone(),
        way: way.clone(),
        clock: context.clock.clone(),
        retry: retry.clone(),
    };
    let driver = Driver {
        way,
        store: Store::new(Arc::new(Folder::new(context.state_dir()))),
        card,
        board: board::number(&settings.board_number),
        built: built(),
        busy: context.runtime_dir().join("busy"),
        clock: context.clock.clone(),
        shown: sender,
        retry,
        state: State::default(),
        hand: None,
        lock: None,
    };
    let server = context.calls.object_server();
    server
        .at(ENROLMENT.path, root)
        .await
        .context("serve `Enrolment1`")?;
    context.spawn("telling", bus::tell(context.clone(), shown, series));
    context.spawn("enrolment", driver.run());
    context.ready("looking at what the node has").await
}

/// It is not earlier than the release that this is a part of: 2026-11-01.
const fn built() -> u64 {
    1_793_491_200
}
