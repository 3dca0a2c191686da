//! `cargo xtask check`: everything that must be true of the repository and that no test runs.
//!
//! Each stage says one line with its time. All run even when one fails; then the exit code is 1.

use std::fmt;
use std::time::Instant;

use clap::Args;

use crate::packages::{self, Consent};
use crate::say::{self, Step};
use crate::signals;

mod arrows;
mod cargo;
mod decisions;
mod deny;
mod policy;
mod proofs;
mod sizes;
mod tags;
mod units;
mod wire;

/// How to check.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
    /// Only the stages with one of these names
    #[arg(value_name = "STAGE")]
    only: Vec<String>,
}

/// How a stage ended, if not in an error.
#[derive(Debug)]
enum Verdict {
    /// All is well; a few words on what was looked at.
    Good(String),
    /// It could not look, and why.
    Skipped(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good(words) => write!(f, "ok, {words}"),
            Self::Skipped(why) => write!(f, "SKIPPED: {why}"),
        }
    }
}

type Stage = (&'static str, fn() -> anyhow::Result<Verdict>);

/// The cheap ones first: a wrong word is said before the compiler starts.
const STAGES: [Stage; 13] = [
    ("format", cargo::format),
    ("arrows", arrows::check),
    ("decisions", decisions::check),
    ("sizes", sizes::check),
    ("proofs", proofs::check),
    ("units", units::check),
    ("licences", deny::licences),
    ("advisories", deny::advisories),
    ("clippy", cargo::clippy),
    ("docs", cargo::docs),
    ("build", cargo::programs),
    ("policy", policy::check),
    ("xml", wire::check),
];

/// Runs the stages.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let since = Instant::now();
    for name in &options.only {
        let known: Vec<_> = STAGES.iter().map(|(name, _)| *name).collect();
        if !known.contains(&name.as_str()) {
            let message = format!("there is no stage `{name}`, only {}", known.join(" "));
            return Err(crate::stop::Stop::with(crate::stop::USAGE, message));
        }
    }
    let needs = [&packages::basis(), packages::UNITS, packages::BUS].concat();
    packages::install(&needs, Consent::from_flag(options.yes))?;
    let (mut failed, mut skipped) = (Vec::new(), Vec::new());
    for (name, stage) in STAGES {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == name) {
            continue;
        }
        let step = Step::start(name);
        let verdict = stage();
        signals::check()?;
        match &verdict {
            Ok(Verdict::Good(_)) => {}
            Ok(Verdict::Skipped(_)) => skipped.push(name),
            Err(error) => {
                say::trouble(format_args!("{error:#}"));
                failed.push(name);
            }
        }
        step.end(verdict.map_or_else(|_| "FAILED".to_owned(), |verdict| verdict.to_string()));
    }
    if !skipped.is_empty() {
        say::line(format_args!("skipped: {}", skipped.join(", ")));
    }
    anyhow::ensure!(failed.is_empty(), "check failed: {}", failed.join(", "));
    say::line(format_args!(
        "check passed in {}",
        say::seconds(since.elapsed())
    ));
    Ok(())
}
