//! `cargo xtask test`: everything that the tests need, then the tests.

use std::process::Command;

use clap::Args;

use crate::packages::{self, Consent};
use crate::say::{self, Step};
use crate::{build, fetch, places, process};

/// Which tests.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also what is too long for every run: tests marked `ignore`, and the frame ring in every
    /// order that the memory model allows
    #[arg(long)]
    full: bool,
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
    /// For the tests themselves: a part of a test's name, `--nocapture`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Sets up, builds, tests. The test runner has the last word on the terminal.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    set_up(Consent::from_flag(options.yes))?;
    build::programs()?;
    let step = Step::start("compile");
    step.begin("the tests");
    process::must("compile the tests", tests().arg("--no-run"))?;
    step.end("done");
    if options.full {
        every_order(&options.arguments)?;
    }
    let step = Step::start("examples");
    step.begin("those in the documentation");
    let mut examples = tests();
    examples.arg("--doc").arg("--quiet");
    process::must("examples", &mut examples)?;
    step.end("done");

    let mut all = tests();
    all.args(["--all-targets", "--no-fail-fast", "--"]);
    if options.full {
        all.arg("--include-ignored");
    }
    all.args(&options.arguments);
    say::line("  tests      the last line of each block counts");
    process::must("tests", &mut all)
}

fn tests() -> Command {
    let mut cargo = build::cargo("test");
    cargo.args(["--workspace", "--locked"]);
    cargo
}

/// The protocol of the frame ring under loom: in a target folder of its own, because the flag
/// would otherwise recompile everything, twice.
fn every_order(arguments: &[String]) -> anyhow::Result<()> {
    let step = Step::start("loom");
    step.begin("the frame ring in every order");
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
        .args(arguments);
    process::must("loom", &mut cargo)?;
    step.end("no order breaks it");
    Ok(())
}

/// Packages, library and clip. What a test lacks, it says itself.
fn set_up(consent: Consent) -> anyhow::Result<()> {
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
