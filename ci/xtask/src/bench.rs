//! `cargo xtask bench`: sets up, builds with optimisation, and measures what Vigla costs.

use clap::Args;

use crate::packages::{self, Consent};
use crate::say::Step;
use crate::{build, places, process, test};

/// Which rows.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One JSON object per row
    #[arg(long)]
    json: bool,
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
    /// Only these rows, like P6 or P9
    rows: Vec<String>,
}

/// Builds the programs of the profile `measure` and runs the table among them.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let consent = Consent::from_flag(options.yes);
    test::set_up(consent)?;
    packages::install(packages::PEERS, consent)?;
    let step = Step::start("build");
    step.begin("with optimisation");
    process::must("build", build::workspace().args(["--profile", "measure"]))?;
    step.end("all programs up to date");
    let mut bench = build::cargo("run");
    bench.args([
        "--quiet",
        "--profile",
        "measure",
        "--locked",
        "--package",
        "vigla-bench",
        "--",
    ]);
    if options.json {
        bench.arg("--json");
    }
    bench.args(&options.rows).current_dir(places::repository());
    process::must("bench", &mut bench)
}
