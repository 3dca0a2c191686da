//! The tests that boot the image: built first, then one emulated board after the other.

use std::env;

use super::{Options, stage};
use crate::image::{self, Machine, Variant};
use crate::{build, say};

/// Where they are.
pub(super) const PACKAGE: &str = "vigla-boot-tests";

/// What is booted.
const DEV: (Machine, Variant) = (Machine::QemuArm64, Variant::Dev);
/// What is only looked at: no emulator has this board.
const PI: (Machine, Variant) = (Machine::Rpi4, Variant::Prod);

/// Builds the images and boots one.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    say::line("  image      for the tests that boot it");
    for (machine, variant) in [DEV, PI] {
        image::run(&image::Options::of(machine, variant, options.yes))?;
    }
    let mut cargo = build::cargo("test");
    cargo.args(["--locked", "--package", PACKAGE, "--test", "it", "--"]);
    // A board keeps both cores busy.
    cargo.args(["--test-threads=1", "--nocapture"]);
    if options.full {
        cargo.arg("--include-ignored");
    }
    cargo.args(&options.arguments);
    cargo
        .env(
            "VIGLA_BOOT_CARD",
            image::card(Machine::QemuArm64, Variant::Dev),
        )
        .env("VIGLA_BOOT_XTASK", env::current_exe()?);
    stage("boot", "the image in an emulated board", &mut cargo)
}
