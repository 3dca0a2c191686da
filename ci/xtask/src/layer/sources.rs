//! The crates: fetched by BitBake against their hashes, unpacked by it, and read by cargo with nothing else to take
//! from. So the list is complete, and no crate wants something that only this machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::bitbake::BitBake;
use crate::image::put;
use crate::{build, places, process};

/// What cargo has downloaded before is not downloaded again; BitBake looks at its hash all the same.
pub(crate) fn lend(downloads: &Path) -> anyhow::Result<usize> {
    let registry = places::cargo_home()?.join("registry/cache");
    fs::create_dir_all(downloads)?;
    let mut lent = 0;
    let Ok(indices) = fs::read_dir(registry) else {
        return Ok(0);
    };
    for index in indices {
        for one in super::made::crates::locked()? {
            let name = format!("{}-{}.crate", one.name, one.version);
            let (from, to) = (
                index.as_ref().map(|index| index.path().join(&name)),
                downloads.join(&name),
            );
            let Ok(from) = from else { continue };
            if to.exists() || !from.exists() {
                continue;
            }
            fs::copy(&from, &to).with_context(|| format!("copy `{}`", from.display()))?;
            lent += 1;
        }
    }
    Ok(lent)
}

/// Has BitBake fetch and unpack them; gives the folder with our sources and the crates.
pub(crate) fn unpack(bitbake: &BitBake) -> anyhow::Result<PathBuf> {
    lend(&bitbake.downloads())?;
    // A check is not to be answered by what an earlier one did.
    bitbake.say(&["-c", "clean", "vigla-services"])?;
    bitbake.say(&["-c", "unpack", "vigla-services"])?;
    let said = bitbake.say(&["-e", "vigla-services"])?;
    let value = said
        .lines()
        .find_map(|line| line.strip_prefix("UNPACKDIR=\""));
    let folder = value.context("BitBake does not say where it unpacks")?;
    Ok(PathBuf::from(folder.trim_end_matches('"')))
}

/// What cargo is asked with what was unpacked, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Is every crate there, whole? Seconds.
    Resolve,
    /// Do the services compile with them, as far as types go? Minutes.
    TypeCheck,
}

/// Looks whether what was unpacked is enough for cargo; gives the number of crates.
pub(crate) fn check(unpacked: &Path, question: Question) -> anyhow::Result<usize> {
    let vendored = vendored(unpacked);
    let count = fs::read_dir(&vendored)
        .with_context(|| format!("list `{}`", vendored.display()))?
        .count();
    process::must(
        "ask cargo with the crates that BitBake has fetched",
        &mut ask(unpacked, question)?,
    )?;
    Ok(count)
}

/// What cargo says when a crate of this name is not among those that were unpacked.
pub(crate) fn without(unpacked: &Path, name: &str) -> anyhow::Result<String> {
    let locked = super::made::crates::locked()?;
    let one = locked.iter().find(|one| one.name == name);
    let one = one.with_context(|| format!("`Cargo.lock` has no `{name}`"))?;
    let folder = vendored(unpacked).join(format!("{}-{}", one.name, one.version));
    let aside = unpacked.join("aside");
    fs::rename(&folder, &aside).with_context(|| format!("move `{}`", folder.display()))?;
    let done = process::output(&mut ask(unpacked, Question::Resolve)?);
    fs::rename(&aside, &folder).with_context(|| format!("move `{}` back", folder.display()))?;
    Ok(done
        .err()
        .map_or_else(String::new, |error| format!("{error:#}")))
}

fn vendored(unpacked: &Path) -> PathBuf {
    unpacked.join("cargo_home/bitbake")
}

/// Cargo with what was unpacked, and nothing else to take from.
fn ask(unpacked: &Path, question: Question) -> anyhow::Result<Command> {
    let home = unpacked.join("cargo_home/check");
    fs::create_dir_all(&home)?;
    put(
        home.join("config.toml"),
        format!(
            "[source.crates-io]\nreplace-with = \"bitbake\"\n[source.bitbake]\ndirectory = \"{}\"\n",
            vendored(unpacked).display()
        ),
    )?;
    let mut cargo = match question {
        Question::Resolve => {
            let mut cargo = build::cargo("metadata");
            cargo.args(["--format-version", "1"]).stdout(Stdio::null());
            cargo
        }
        Question::TypeCheck => {
            let mut cargo = build::cargo("check");
            cargo.args(["--quiet", "--bins"]);
            for name in crate::image::crates()? {
                cargo.args(["--package", &name]);
            }
            cargo
        }
    };
    cargo
        .arg("--frozen")
        .current_dir(unpacked)
        .env("CARGO_HOME", &home)
        .env("CARGO_TARGET_DIR", places::target().join("layer/check"));
    Ok(cargo)
}
