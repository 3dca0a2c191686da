//! `cargo xtask bench`: sets up, builds with optimisation, and measures what Vigla costs.

use clap::Args;

use crate::packages::{self, Consent};
use crate::say::{self, Step};
use crate::{build, places, process, test};

/// Which rows.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One JSON object per row and line on stdout, and nothing else there
    #[arg(long)]
    json: bool,
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
    /// The rows of the image in an emulated board, in place of the others
    #[arg(long)]
    image: bool,
    /// Only these rows, like P6 or P9
    rows: Vec<String>,
}

/// Builds the programs of the profile `measure` and runs the table among them.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let results = options.json.then(say::results_apart).transpose()?;
    let consent = Consent::from_flag(options.yes);
    test::set_up(consent)?;
    packages::install(packages::PEERS, consent)?;
    let mut bench = build::cargo("run");
    bench.args(["--quiet", "--locked", "--package", "vigla-bench"]);
    if options.image {
        // What is measured is in the image; this machine only looks at the clock.
        test::images(options.yes)?;
        bench.args(["--", "--image"]).envs(test::images_told()?);
    } else {
        let step = Step::start("build");
        step.begin("with optimisation");
        process::must("build", build::workspace().args(["--profile", "measure"]))?;
        step.end("all programs up to date");
        bench.args(["--profile", "measure", "--"]);
    }
    if let Some(results) = results {
        bench.arg("--json").stdout(results);
    }
    bench.args(&options.rows).current_dir(places::repository());
    process::must("bench", &mut bench)
}
