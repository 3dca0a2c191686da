//! `cargo xtask layer`: the Yocto layer, looked at by BitBake itself, without building anything.
//!
//! What this proves: every recipe and append parses, every dependency has a provider, every crate is to be had with
//! the hash of `Cargo.lock` and nothing else is needed to compile, and the variables that the image depends on
//! are what they should be. What only a full build proves stands in `yocto-layer/README.md`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::image::Tools;
use crate::packages::{self, Consent};
use crate::say::{self, Step};
use crate::{places, signals};

mod bitbake;
mod bundle;
mod closure;
mod complaints;
mod facts;
mod gate;
mod kas;
mod lint;
mod made;
mod mistake;
mod parity;
mod signatures;
mod sources;
mod text;
mod upstream;
mod values;

#[cfg(test)]
mod tests;

use bitbake::BitBake;
#[cfg(test)]
pub(crate) use made::tracked;
pub(crate) use parity::{explain, like};
use sources::Question;

/// A board, by the name that its own layer gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Machine {
    /// QEMU's `virt` board
    #[value(name = "qemuarm64")]
    Qemu,
    /// Raspberry Pi 4
    #[value(name = "raspberrypi4-64", alias = "rpi4")]
    Rpi4,
    /// Raspberry Pi 5
    #[value(name = "raspberrypi5", alias = "rpi5")]
    Rpi5,
}

impl Machine {
    pub(crate) const ALL: [Self; 3] = [Self::Qemu, Self::Rpi4, Self::Rpi5];

    /// As BitBake calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemuarm64",
            Self::Rpi4 => "raspberrypi4-64",
            Self::Rpi5 => "raspberrypi5",
        }
    }
}

/// What to look at.
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Options {
    /// For which board; may be given several times. Without it QEMU's, or with `--full` all
    #[arg(long, value_enum)]
    machine: Vec<Machine>,
    /// All checks and boards: signatures with the layer and without, and the services type-checked with the crates that BitBake
    /// has fetched
    #[arg(long)]
    full: bool,
    /// An archive of the upstream layers at the pinned commits, in place of fetching them
    #[arg(long, value_name = "ARCHIVE")]
    layers: Option<PathBuf>,
    /// Make the files of the layer that are made of others, and stop
    #[arg(long)]
    write: bool,
    /// Find out anew which upstream recipes the image needs (some minutes), and stop
    #[arg(long)]
    closure: bool,
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
}

/// What is built of the layer.
const TARGETS: [&str; 3] = ["vigla-image", "vigla-image-dev", "vigla-bundle"];

/// The layer.
pub(crate) fn folder() -> PathBuf {
    places::repository().join("yocto-layer")
}

/// As a stage of `cargo xtask test`: one board, or all. Where the layers of others or a program are not to be had
/// this is said aloud, and is an error only of a full run.
pub(crate) fn stage(full: bool, yes: bool) -> anyhow::Result<()> {
    if let Err(error) = ready(None, yes) {
        signals::check()?;
        if full {
            return Err(error.context("the Yocto layer"));
        }
        say::trouble(format_args!("SKIPPED the Yocto layer: {error:#}"));
        return Ok(());
    }
    run(&Options {
        machine: Vec::new(),
        full,
        layers: None,
        write: false,
        closure: false,
        yes,
    })
}

/// Programs and layers of others; gives where these are.
fn ready(archive: Option<&Path>, yes: bool) -> anyhow::Result<PathBuf> {
    let mut needs = [packages::LAYER, packages::DOWNLOADS].concat();
    if Tools::existing().is_err() {
        needs.extend(packages::BUNDLE);
    }
    packages::install(&needs, Consent::from_flag(yes))?;
    upstream::python("oelint")?;
    upstream::python("kas")?;
    upstream::layers(archive)
}

/// Each step says what it found; the last line sums up.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let since = Instant::now();
    if options.write {
        for changed in made::write()? {
            say::line(format_args!("  made       yocto-layer/{changed}"));
        }
        return Ok(());
    }
    let step = Step::start("made");
    let count = made::check()?;
    step.end(format_args!("{count} files are what their sources say"));

    let step = Step::start("text");
    let looked = gate::check()?;
    step.end(format_args!(
        "{looked} files: appends do nothing under another distro, no override is unknown"
    ));
    let step = Step::start("parity");
    let both = parity::check()?;
    step.end(format_args!("{both} facts are the same in the twin"));

    let layers = ready(options.layers.as_deref(), options.yes)?;
    let machines = match (options.machine.as_slice(), options.full) {
        ([], true) => Machine::ALL.to_vec(),
        ([], false) => vec![Machine::Qemu],
        (some, _) => some.to_vec(),
    };
    if options.closure {
        return closure::write(&layers, &machines);
    }
    let step = Step::start("style");
    lint::check_layer(&layers)?;
    let files = lint::oelint()?;
    let tests = lint::runtime_tests(&layers)?;
    step.end(format_args!(
        "yocto-check-layer (what needs no build), oelint-adv: {files} files, no finding; {tests} runtime tests load"
    ));
    let step = Step::start("kas");
    let sets = kas::check(&layers)?;
    step.end(format_args!(
        "{sets} sets of files: kas gives BitBake the same layers, boards and distro"
    ));
    for machine in &machines {
        board(&BitBake::open(&layers, *machine)?)?;
        if options.full {
            let step = Step::start("elsewhere");
            step.begin(format_args!(
                "signing with the layer and without, for {}",
                machine.name()
            ));
            let tasks = signatures::check(&layers, *machine)?;
            step.end(format_args!(
                "{}: {tasks} tasks are the same under another distro",
                machine.name()
            ));
        }
    }
    if let Some(machine) = machines.first() {
        let bitbake = BitBake::open(&layers, *machine)?;
        let unpacked = crates(&bitbake, options.full)?;
        if options.full {
            let step = Step::start("mistake");
            step.end(mistake::check(&bitbake, &unpacked)?);
        }
    }
    let names: Vec<_> = machines.iter().map(|machine| machine.name()).collect();
    say::line(format_args!(
        "layer passed for {} in {}",
        names.join(", "),
        say::seconds(since.elapsed())
    ));
    Ok(())
}

/// One board.
fn board(bitbake: &BitBake) -> anyhow::Result<()> {
    let step = Step::start("resolve");
    step.begin(format_args!(
        "parsing and resolving for {}",
        bitbake.machine.name()
    ));
    let graph = bitbake.resolve(&TARGETS)?;
    step.end(format_args!(
        "{}: {} recipes, {} tasks, no error, no warning",
        bitbake.machine.name(),
        graph.recipes.len(),
        graph.tasks
    ));
    let step = Step::start("values");
    let right = values::check(bitbake)?;
    step.end(format_args!(
        "{}: {right} values of `bitbake -e` are what they must be",
        bitbake.machine.name()
    ));
    let step = Step::start("bundle");
    bundle::check(bitbake)?;
    step.end(format_args!(
        "{}: RAUC takes the bundle of this manifest, with the settings of the device",
        bitbake.machine.name()
    ));
    Ok(())
}

/// The crates, which are the same for all boards.
fn crates(bitbake: &BitBake, full: bool) -> anyhow::Result<PathBuf> {
    let step = Step::start("fetch");
    step.begin("fetching and unpacking the crates");
    let unpacked = sources::unpack(bitbake)?;
    step.end("every crate has the hash of `Cargo.lock`");
    let step = Step::start("frozen");
    let count = sources::check(&unpacked, Question::Resolve)?;
    step.end(format_args!("{count} crates are all that cargo asks for"));
    if full {
        let step = Step::start("types");
        step.begin("type-checking the services with these crates alone");
        sources::check(&unpacked, Question::TypeCheck)?;
        step.end("the services compile, as far as types go");
    }
    Ok(unpacked)
}
