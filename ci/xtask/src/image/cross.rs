//! The services for the device's processor, with the toolchain that the machine already has.
//!
//! A rustup target or `cross` serve when they are there; else Debian's compiler in the tools' tree,
//! which has the standard library for arm64. No rustup target is ever added.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use super::tools::Tools;
use crate::say::Step;
use crate::{build, places, process};

/// The device.
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// What was compiled.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The folder with all of them.
    pub(crate) folder: PathBuf,
    /// Their names, sorted.
    pub(crate) names: Vec<String>,
}

/// Compiles every program of the device.
pub(crate) fn programs(tools: &Tools) -> anyhow::Result<Programs> {
    let step = Step::start("services");
    step.begin(format_args!("compiling for {TARGET} with Debian's rustc"));
    // The tools' cargo has no network: everything is fetched by the one that started us.
    process::must(
        "fetch crates",
        build::cargo("fetch").args(["--locked", "--quiet"]),
    )?;
    let folder = places::cache()?.join("image/cross");
    fs::create_dir_all(&folder).with_context(|| format!("make `{}`", folder.display()))?;
    let packages = packages()?;
    let mut cargo = tools.alike("cargo", &folder)?;
    cargo.args([
        "build",
        "--release",
        "--frozen",
        "--bins",
        "--target",
        TARGET,
    ]);
    for package in &packages {
        cargo.arg("--package").arg(package);
    }
    surroundings(&mut cargo);
    process::must("compile the services", &mut cargo)?;
    let folder = folder.join(TARGET).join("release");
    let mut names = fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.starts_with("vigla") && !name.contains('.'))
        .collect::<Vec<_>>();
    names.sort();
    step.end(format_args!("{} programs", names.len()));
    Ok(Programs { folder, names })
}

fn surroundings(cargo: &mut Command) {
    cargo
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        )
        .env("CC_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-gcc")
        .env("AR_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-ar")
        .env("PKG_CONFIG_ALLOW_CROSS", "1")
        .env("PKG_CONFIG_LIBDIR", "/usr/lib/aarch64-linux-gnu/pkgconfig")
        // Not the commit's time: crates with C would be compiled again after each commit.
        .env("SOURCE_DATE_EPOCH", "0")
        .env("CARGO_TERM_PROGRESS_WHEN", "auto");
    for name in [
        "RUSTUP_TOOLCHAIN",
        "RUSTUP_HOME",
        "RUSTC",
        "RUSTDOC",
        "CARGO",
        "OUT_DIR",
    ] {
        cargo.env_remove(name);
    }
    // What the cargo that started us said of ourselves: build scripts of others look at it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
}

/// The packages with a program for the device: every service, and `viglactl`.
pub(crate) fn packages() -> anyhow::Result<Vec<String>> {
    let mut packages = crate::dist::trees()?
        .into_iter()
        .map(|daemon| format!("vigla-{}", daemon.noun))
        .collect::<Vec<_>>();
    packages.push("vigla-ctl".into());
    Ok(packages)
}
