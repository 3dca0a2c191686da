//! kas, by whose files the image is built: it fetches the layers where no archive has them, and each of its files is
//! given to it, to see that what comes out is what is checked here.
//!
//! For that it needs no network: repositories are made of the layers that are there, and git takes those in the place
//! of the addresses. Their commits are not the pinned ones, so a file of the check overrides them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::upstream::{LAYERS, Pin, pins, python};
use super::{Machine, folder};
use crate::image::put;
use crate::{places, process};

/// What stands before its complaints.
const COMPLAINTS: [&str; 2] = [" - WARNING ", " - ERROR "];
/// Files that go with that of any board.
const BESIDE: [&str; 2] = ["dev", "local"];

/// The file of a board.
fn file(machine: Machine) -> &'static str {
    match machine {
        Machine::Qemu => "qemuarm64",
        Machine::Rpi4 => "rpi4",
        Machine::Rpi5 => "rpi5",
    }
}

/// kas with a folder to work in.
fn kas(work: &Path) -> anyhow::Result<Command> {
    let program = python("kas")?;
    let mut kas = Command::new("python3");
    kas.arg(program.join("bin/kas"))
        .env("PYTHONPATH", &program)
        .env("KAS_WORK_DIR", work)
        .current_dir(work);
    Ok(kas)
}

/// Fetches the pinned commits of all layers into `target`, without their history.
pub(crate) fn fetch(target: &Path) -> anyhow::Result<()> {
    let mut kas = kas(target)?;
    kas.env("KAS_CLONE_DEPTH", "1").arg("checkout");
    // Only the layers: what BitBake is told is ours to write.
    kas.args(["--skip", "setup_environ", "--skip", "write_bbconfig"]);
    process::must(
        "fetch the layers; `--layers ARCHIVE` needs no network",
        kas.arg(folder().join("kas/base.yml")),
    )
}

/// Gives every set of files to kas; gives how many sets.
pub(crate) fn check(layers: &Path) -> anyhow::Result<usize> {
    let stage = places::target().join("layer/kas");
    let _ = fs::remove_dir_all(&stage);
    let (clone, work) = (stage.join("clone"), stage.join("work"));
    let files = clone.join("yocto-layer/kas");
    fs::create_dir_all(&files)?;
    fs::create_dir_all(&work)?;
    for entry in fs::read_dir(folder().join("kas"))? {
        let entry = entry?;
        fs::copy(entry.path(), files.join(entry.file_name()))?;
    }
    git(&["init", "--quiet"], &clone)?;
    let (mut config, mut commits) = (String::new(), String::new());
    for pin in pins()? {
        let repository = repository(layers, &pin)?;
        let commit = git(&["rev-parse", "HEAD"], &repository)?;
        let _ = writeln!(
            config,
            "[url \"{}\"]\n\tinsteadOf = {}",
            repository.display(),
            pin.url
        );
        let _ = writeln!(
            commits,
            "    {}:\n      commit: {}",
            pin.name,
            commit.trim()
        );
    }
    let config_file = stage.join("gitconfig");
    put(&config_file, config)?;
    put(
        files.join("archive.yml"),
        format!("header:\n  version: 18\noverrides:\n  repos:\n{commits}"),
    )?;
    for machine in Machine::ALL {
        let said = checkout(machine, &files, &work, &config_file)?;
        let conf = |name: &str| fs::read_to_string(work.join("build/conf").join(name));
        agree(
            machine,
            &said,
            &conf("bblayers.conf")?,
            &conf("local.conf")?,
        )?;
    }
    fs::remove_dir_all(&stage)?;
    Ok(Machine::ALL.len())
}

/// A repository with what is in a layer's folder, made once for these layers.
fn repository(layers: &Path, pin: &Pin) -> anyhow::Result<PathBuf> {
    let target = layers.with_extension("git").join(&pin.name);
    if target.exists() {
        return Ok(target);
    }
    let partial = target.with_extension(format!("partial-{}", std::process::id()));
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial)?;
    git(
        &["init", "--quiet", "--bare", "--initial-branch", &pin.branch],
        &partial,
    )?;
    let tree = format!("--work-tree={}", layers.join(&pin.name).display());
    let here = format!("--git-dir={}", partial.display());
    let at = [here.as_str(), tree.as_str()];
    git(
        &[&at[..], &["add", "--all", "--force", "."]].concat(),
        layers,
    )?;
    let who = [
        "-c",
        "user.name=check",
        "-c",
        "user.email=check@example.org",
    ];
    let commit = ["commit", "--quiet", "--message", "as unpacked"];
    git(&[&who[..], &at[..], &commit[..]].concat(), layers)?;
    fs::rename(&partial, &target)?;
    Ok(target)
}

fn git(arguments: &[&str], at: &Path) -> anyhow::Result<String> {
    process::output(Command::new("git").args(arguments).current_dir(at))
}

/// The file of a board with those beside it; gives what kas says.
fn checkout(machine: Machine, files: &Path, work: &Path, config: &Path) -> anyhow::Result<String> {
    let names = [file(machine)].into_iter().chain(BESIDE).chain(["archive"]);
    let paths = names.map(|name| files.join(format!("{name}.yml")).display().to_string());
    let mut kas = kas(work)?;
    kas.env("GITCONFIG_FILE", config).arg("checkout");
    kas.arg(paths.collect::<Vec<_>>().join(":"));
    let done = kas.output().context("start kas")?;
    let said = String::from_utf8_lossy(&done.stderr) + String::from_utf8_lossy(&done.stdout);
    anyhow::ensure!(
        done.status.success(),
        "kas, for {}:\n{said}",
        machine.name()
    );
    Ok(said.into_owned())
}

/// What kas has written is what the checks of this verb look at.
fn agree(machine: Machine, said: &str, layers: &str, local: &str) -> anyhow::Result<()> {
    let name = machine.name();
    let complaints = said
        .lines()
        .filter(|line| COMPLAINTS.iter().any(|one| line.contains(one)));
    let complaints: Vec<_> = complaints.collect();
    anyhow::ensure!(
        complaints.is_empty(),
        "kas, for {name}:\n{}",
        complaints.join("\n")
    );
    let list = layers.split('"').nth(1).unwrap_or_default();
    let found: BTreeSet<_> = list
        .split([' ', '\\', '\n'])
        .filter_map(|word| word.trim().strip_prefix("${TOPDIR}/../"))
        .collect();
    let ours = "clone/yocto-layer";
    let wanted: BTreeSet<_> = LAYERS.into_iter().chain([ours]).collect();
    // Ours lies beside the folder that kas works in.
    let found: BTreeSet<_> = found
        .iter()
        .map(|layer| layer.strip_prefix("../").unwrap_or(layer))
        .collect();
    anyhow::ensure!(
        found == wanted,
        "kas, for {name}: the layers are {found:?}, not {wanted:?}"
    );
    let lines = [
        format!("MACHINE ??= \"{name}\""),
        "DISTRO ??= \"vigla\"".to_owned(),
        "IMAGE_CLASSES += \"testimage\"".to_owned(),
        "INHERIT += \"rm_work\"".to_owned(),
    ];
    for line in lines {
        anyhow::ensure!(
            local.lines().any(|there| there.trim() == line),
            "kas, for {name}: `local.conf` lacks `{line}`:\n{local}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kas_makes_otherwise_is_found() {
        let mut layers = String::from("BBLAYERS ?= \" \\\n");
        for layer in LAYERS {
            let _ = writeln!(layers, "    ${{TOPDIR}}/../{layer} \\");
        }
        layers += "    ${TOPDIR}/../../clone/yocto-layer\"\nBBPATH ?= \"${TOPDIR}\"\n";
        let local = "IMAGE_CLASSES += \"testimage\"\nINHERIT += \"rm_work\"\nMACHINE ??= \"raspberrypi5\"\nDISTRO ??= \"vigla\"\n";
        agree(Machine::Rpi5, "x - INFO     - y", &layers, local).unwrap();
        let wrong = |said: &str, layers: &str, local: &str| {
            agree(Machine::Rpi5, said, layers, local)
                .unwrap_err()
                .to_string()
        };
        assert!(wrong("x - WARNING  - old", &layers, local).contains("old"));
        let fewer = layers.replace("    ${TOPDIR}/../meta-rauc \\\n", "");
        assert!(wrong("", &fewer, local).contains("the layers are"));
        let other = local.replace("raspberrypi5", "qemux86-64");
        assert!(wrong("", &layers, &other).contains("MACHINE"));
    }

    #[test]
    fn each_file_is_in_a_set() {
        let boards = Machine::ALL.map(file);
        let known: BTreeSet<_> = boards.into_iter().chain(BESIDE).chain(["base"]).collect();
        let there = fs::read_dir(folder().join("kas")).unwrap();
        for entry in there {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            assert!(known.contains(name.as_str()), "{name}");
        }
    }
}
