//! `cargo xtask test`: everything that the tests need, then the tests.

use std::process::Command;
use std::time::Instant;

use clap::Args;

use crate::packages::{self, Consent};
use crate::say::{self, Step};
use crate::{build, fetch, kube, layer, places, process};

mod boot;
pub(crate) use boot::{images, images_told, power_cuts};
mod skipped;

/// How many inputs a property or a corpus is tried with; 256 where nobody says.
const CASES: &str = "PROPTEST_CASES";
/// The same for `--full`; `docs/fuzzing.md` names it.
const FULL_CASES: &str = "5000";

/// Which tests.
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also what is too long for every run: tests marked `ignore`, the frame ring in every order that
    /// the memory model allows, and more damaged inputs for each parser
    #[arg(long)]
    full: bool,
    /// Only the image: built, looked at, booted in an emulated board
    #[arg(long, conflicts_with = "no_boot")]
    boot: bool,
    /// Everything but the image
    #[arg(long)]
    no_boot: bool,
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
    /// For the tests themselves: a part of a test's name, `--nocapture`
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Options {
    /// The image takes its minutes: not in every run.
    fn boots(&self) -> bool {
        self.full && !self.no_boot
    }
}

/// Sets up, builds, tests; each stage says what it took. What was skipped has the last word.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let since = Instant::now();
    if options.boot {
        return boot::run(options);
    }
    set_up(Consent::from_flag(options.yes))?;
    build::programs()?;
    stage("compile", "the tests", tests().arg("--no-run"))?;
    if options.full {
        stage(
            "loom",
            "the frame ring in every order",
            &mut every_order(options),
        )?;
    }
    let mut examples = tests();
    examples.arg("--doc").arg("--quiet");
    stage("examples", "those in the documentation", &mut examples)?;

    skipped::forget();
    let mut passed = stage("tests", doing(options.full), &mut all(options));
    if options.boots() {
        // Both are told, whichever fails.
        passed = passed.and(boot::run(options));
    }
    if options.full || options.arguments.is_empty() {
        passed = passed.and(layer::stage(options.full, options.yes));
    }
    if passed.is_ok() {
        let took = say::seconds(since.elapsed());
        say::line(format_args!("  all        passed, in {took}"));
    }
    skipped::tell();
    passed
}

/// One stage: what it does, and how long it took when it went well.
fn stage(name: &'static str, doing: &str, command: &mut Command) -> anyhow::Result<()> {
    let step = Step::start(name);
    step.begin(doing);
    process::must(name, command)?;
    step.end("passed");
    Ok(())
}

fn doing(full: bool) -> &'static str {
    if full {
        "all, also those marked `ignore`; the last line of each block counts"
    } else {
        "the last line of each block counts"
    }
}

fn all(options: &Options) -> Command {
    let mut all = tests();
    all.args(["--all-targets", "--no-fail-fast"]);
    all.args(["--exclude", boot::PACKAGE, "--"]);
    if options.full {
        all.arg("--include-ignored");
        // A person's own number goes before.
        if std::env::var_os(CASES).is_none() {
            all.env(CASES, FULL_CASES);
        }
    }
    all.args(&options.arguments);
    all
}

fn tests() -> Command {
    let mut cargo = build::cargo("test");
    cargo.args(["--workspace", "--locked"]);
    cargo
}

/// The protocol of the frame ring under loom: in a target folder of its own, because the flag
/// would otherwise recompile everything, twice.
fn every_order(options: &Options) -> Command {
    let mut cargo = build::cargo("test");
    cargo.args([
        "--package",
        "vigla-frames",
        "--lib",
        "--release",
        "--locked",
    ]);
    cargo
        .arg("--target-dir")
        .arg(places::repository().join("target/loom"));
    cargo
        .env("RUSTFLAGS", "--cfg loom")
        .arg("--")
        .args(&options.arguments);
    cargo
}

/// Packages, library and clip. What a test lacks, it says itself.
pub(crate) fn set_up(consent: Consent) -> anyhow::Result<()> {
    let mut needs = [&packages::basis(), packages::TESTS].concat();
    if !is_ubuntu() {
        needs.extend(packages::BROWSER);
    }
    let articles = [fetch::runtime(), Some(fetch::CLIP)];
    if !articles.iter().flatten().all(fetch::cached) {
        needs.extend(packages::DOWNLOADS);
    }
    packages::install(&needs, consent)?;
    for article in articles.iter().flatten() {
        fetch::get(article)?;
    }
    kube::get(None)?;
    Ok(())
}

/// Ubuntu has Chromium only as a snap, which apt cannot install everywhere.
fn is_ubuntu() -> bool {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let ubuntu = text.lines().any(|line| line == "ID=ubuntu");
    if ubuntu && places::program("chromedriver").is_none() {
        say::trouble(
            "  packages   Ubuntu has Chromium only as a snap: the tests of the page are skipped; \
             for them run `sudo snap install chromium`",
        );
    }
    ubuntu
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(full: bool) -> Option<String> {
        let arguments = Vec::new();
        let yes = false;
        let all = all(&Options {
            boot: false,
            no_boot: false,
            full,
            yes,
            arguments,
        });
        let found = all.get_envs().find(|(name, _)| *name == CASES);
        found.and_then(|(_, value)| Some(value?.to_str()?.to_owned()))
    }

    #[test]
    fn a_full_run_tries_more_inputs_and_the_manual_says_how_many() {
        assert_eq!(cases(false), None);
        if std::env::var_os(CASES).is_none() {
            assert_eq!(cases(true).as_deref(), Some(FULL_CASES));
        }
        let manual = places::repository().join("docs/fuzzing.md");
        let manual = std::fs::read_to_string(manual).unwrap();
        let said = format!("`cargo xtask test --full` tries {FULL_CASES}");
        assert!(manual.contains(&said), "docs/fuzzing.md lacks: {said}");
    }
}
