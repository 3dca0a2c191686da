//! `cargo xtask`, and the image that it has built for us.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// The built cards, and the program that knows the tools' tree. `cargo xtask test` sets them.
const CARD: &str = "VIGLA_BOOT_CARD";
const PI_CARD: &str = "VIGLA_BOOT_PI_CARD";
const XTASK: &str = "VIGLA_BOOT_XTASK";
/// How many power cuts are tried (`cargo xtask boot --power-cuts N`).
const POWER_CUTS: &str = "VIGLA_POWER_CUTS";
/// Without it: what fits beside all other tests.
const FEW: usize = 20;

#[allow(
    clippy::disallowed_methods,
    reason = "how `cargo xtask test` tells tests what it built"
)]
fn told(name: &str) -> Option<PathBuf> {
    std::env::var(name).ok().map(PathBuf::from)
}

/// The card to boot; without one the test skips, and says so.
#[must_use]
pub fn image() -> Option<PathBuf> {
    built(CARD)
}

/// The production card of the Pi 4, as [`image`].
#[must_use]
pub fn pi_image() -> Option<PathBuf> {
    built(PI_CARD)
}

fn built(name: &str) -> Option<PathBuf> {
    let card = told(name).filter(|card| card.exists());
    if card.is_none() {
        vigla_testkit::skip("no image was built: run `cargo xtask test --boot`");
    }
    card
}

/// `cargo xtask VERB ...`, with nothing to read.
pub fn xtask(verb: &str) -> anyhow::Result<Command> {
    let program = told(XTASK).with_context(|| format!("`{XTASK}` is not set"))?;
    let mut command = Command::new(program);
    command.arg(verb).stdin(Stdio::null());
    Ok(command)
}

/// How many power cuts to try.
#[must_use]
pub fn power_cuts() -> usize {
    let told = told(POWER_CUTS);
    let number = told.and_then(|text| text.to_str()?.parse().ok());
    number.unwrap_or(FEW)
}
