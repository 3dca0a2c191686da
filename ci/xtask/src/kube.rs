//! The control plane that tests talk to: kube-apiserver and its companions, in the user's cache.
//!
//! Taken out of an archive: one that was named, or the one beside the repository. The folder's name
//! is the version that `vigla-testkit-kube` asks for; what it was made of stands in it, so that another
//! archive replaces it. Where there is none, the tests that need it say so and pass.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::say::Step;
use crate::{fetch, places, process};

/// The same as in `vigla-testkit-kube`; a test below compares.
const VERSION: &str = "1.35.2";
/// The archive that is taken when nobody names one.
const BESIDE: &str = "../shared/kube/kube-amd64.tar.zst";
/// One program under several names, and the datastore.
const PROGRAMS: [&str; 2] = ["hyper", "kine"];
const NAMES: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kubectl"];
/// What the folder was made of.
const ORIGIN: &str = "origin";

/// Where it comes from.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// An archive (tar, zstd) with `hyper` (all components of Kubernetes, chosen by name) and `kine`
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let found = get(options.archive.as_deref())?;
    anyhow::ensure!(
        found,
        "there is no Kubernetes {VERSION}: name an archive with `--archive FILE`"
    );
    Ok(())
}

/// Looks after it; false, said aloud, when there is none to be had.
pub(crate) fn get(archive: Option<&Path>) -> anyhow::Result<bool> {
    let step = Step::start("kubernetes");
    let folder = places::cache()?.join("kube").join(VERSION);
    let beside = places::repository().join(BESIDE);
    let fits = std::env::consts::ARCH == "x86_64" && beside.exists();
    let named = archive.is_some();
    let archive = archive.or_else(|| fits.then_some(beside.as_path()));
    let Some(archive) = archive else {
        let there = NAMES.iter().all(|name| folder.join(name).exists());
        step.end(if there {
            format!("{VERSION}, cached")
        } else {
            format!("no archive of {VERSION}: tests against a real API server are skipped")
        });
        return Ok(there);
    };
    let sum = fetch::hash(archive)?;
    if fs::read_to_string(folder.join(ORIGIN)).is_ok_and(|origin| origin == sum) {
        step.end(format_args!("{VERSION}, cached"));
        return Ok(true);
    }
    match unpack(archive, &folder, &sum) {
        // Nobody asked for this one by name: the other tests need not wait for it.
        Err(error) if !named => {
            step.end(format_args!(
                "tests against a real API server are skipped: {error:#}"
            ));
            return Ok(false);
        }
        unpacked => unpacked?,
    }
    step.end(format_args!("{VERSION}, in {}", folder.display()));
    Ok(true)
}

/// Beside its place first, so that half a folder is never taken for a whole one.
fn unpack(archive: &Path, folder: &Path, sum: &str) -> anyhow::Result<()> {
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).with_context(|| format!("make `{}`", partial.display()))?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--use-compress-program"])
        .args(["zstd --decompress --long=27", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(&partial)
        .args(PROGRAMS);
    let done = process::must("unpack Kubernetes", &mut tar).and_then(|()| {
        for name in NAMES {
            symlink(PROGRAMS[0], partial.join(name))?;
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "in a folder that is renamed when whole"
        )]
        fs::write(partial.join(ORIGIN), sum)?;
        let _ = fs::remove_dir_all(folder);
        fs::rename(&partial, folder).context("put it in its place")
    });
    if done.is_err() {
        let _ = fs::remove_dir_all(&partial);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_ask_for_this_version() {
        let path = places::repository().join("services/testkit-kube/src/programs.rs");
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("VERSION: &str = \"{VERSION}\"")));
    }

    #[test]
    fn what_is_no_archive_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("kube");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(unpack(&file, &folder, "x").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
