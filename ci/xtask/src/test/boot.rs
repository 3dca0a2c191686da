//! The tests that boot the image: built first, then one emulated board after the other.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    let mut cargo = tests()?;
    if options.full {
        cargo.arg("--include-ignored");
    }
    cargo.args(&options.arguments);
    stage("boot", "the image in an emulated board", &mut cargo)
}

/// As many power cuts as asked for, on the image as it is.
pub(crate) fn power_cuts(count: u32) -> anyhow::Result<()> {
    let mut cargo = tests()?;
    cargo
        .arg("a_power_cut")
        .env("VIGLA_POWER_CUTS", count.to_string());
    stage("boot", &format!("{count} power cuts"), &mut cargo)
}

/// Builds what is measured: the image that is shipped, and the one that can be asked.
pub(crate) fn images(yes: bool) -> anyhow::Result<()> {
    for variant in [Variant::Dev, Variant::Prod] {
        image::run(&image::Options::of(Machine::QemuArm64, variant, yes))?;
    }
    Ok(())
}

/// How a program of ours finds the images.
pub(crate) fn images_told() -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let card = |(machine, variant)| image::card(machine, variant);
    Ok(vec![
        ("VIGLA_BOOT_CARD", card(DEV)),
        ("VIGLA_BOOT_PI_CARD", card(PI)),
        ("VIGLA_BOOT_XTASK", ourselves(&env::current_exe()?)),
    ])
}

/// Our program by its name: cargo may have linked it anew since we were started, and then what the kernel calls us
/// is gone.
fn ourselves(exe: &Path) -> PathBuf {
    let name = exe.to_string_lossy();
    name.strip_suffix(" (deleted)").unwrap_or(&name).into()
}

fn tests() -> anyhow::Result<Command> {
    let mut cargo = build::cargo("test");
    cargo.args(["--locked", "--package", PACKAGE, "--test", "it", "--"]);
    // A board keeps both cores busy.
    cargo.args(["--test-threads=1", "--nocapture"]);
    cargo.envs(images_told()?);
    Ok(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_linked_anew_is_found_by_its_name() {
        let name = Path::new("/target/debug/xtask");
        assert_eq!(ourselves(name), name);
        let gone = Path::new("/target/debug/xtask (deleted)");
        assert_eq!(ourselves(gone), name);
    }
}
