//! The services for the device's processor, with the toolchain that the machine already has.
//!
//! A rustup target or `cross` serve when they are there; else Debian's compiler in the tools' tree,
//! which has the standard library for arm64. No rustup target is ever added.

use std::fs;
use std::path::{Path, PathBuf};
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
    ours_anew(&folder, places::repository())?;
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

/// Crates of others serve every clone; ours are compiled anew when another clone compiled here last: cargo goes by
/// times, and an older file of this clone would seem to be compiled already.
fn ours_anew(folder: &Path, clone: &Path) -> anyhow::Result<()> {
    let mark = folder.join("clone");
    let clone = clone.display().to_string();
    if fs::read_to_string(&mark).is_ok_and(|last| last == clone) {
        return Ok(());
    }
    let release = folder.join(TARGET).join("release");
    for place in [release.join(".fingerprint"), release] {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if !entry.file_name().to_string_lossy().starts_with("vigla") {
                continue;
            }
            let path = entry.path();
            let gone = if entry.file_type()?.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            gone.with_context(|| format!("remove `{}`", path.display()))?;
        }
    }
    super::put(mark, clone)
}

pub(super) fn surroundings(cargo: &mut Command) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_clone_compiled_of_ours_is_not_taken() {
        let cache = tempfile::tempdir().unwrap();
        let release = cache.path().join(TARGET).join("release");
        for path in [".fingerprint/vigla-act-1", ".fingerprint/tokio-1"] {
            fs::create_dir_all(release.join(path)).unwrap();
        }
        super::super::put(release.join("vigla-act"), "").unwrap();
        let left = || {
            let there = |path: &str| release.join(path).exists();
            [
                ".fingerprint/vigla-act-1",
                "vigla-act",
                ".fingerprint/tokio-1",
            ]
            .map(there)
        };
        ours_anew(cache.path(), Path::new("/one")).unwrap();
        assert_eq!(left(), [false, false, true]);
        super::super::put(release.join("vigla-act"), "").unwrap();
        ours_anew(cache.path(), Path::new("/one")).unwrap();
        assert_eq!(left(), [false, true, true]);
        ours_anew(cache.path(), Path::new("/two")).unwrap();
        assert_eq!(left(), [false, false, true]);
    }
}
