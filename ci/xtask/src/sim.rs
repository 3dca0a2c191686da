//! `cargo xtask sim`: devices and registrars over a network where everything goes wrong, by many seeds.
//!
//! The simulation is the test `sim` of `vigla-fleet`, which every test run tries with 10,000 seeds; here it is
//! built as a release is, and has more of them.

use clap::Args;

use crate::say::Step;
use crate::{build, process};

/// How many seeds, or which.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// So many seeds, from 0
    #[arg(long, default_value_t = 1_000_000)]
    seeds: u64,
    /// Only this one, with its trace
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
}

/// Builds and simulates; a seed that ends badly prints its trace.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let step = Step::start("sim");
    let mut cargo = build::cargo("test");
    cargo.args(["--locked", "--profile", "measure", "-p", "vigla-fleet"]);
    cargo.args(["--test", "sim", "every_seed", "--", "--nocapture"]);
    match options.seed {
        Some(seed) => cargo.env("VIGLA_SEED", seed.to_string()),
        None => cargo.env("VIGLA_SEEDS", options.seeds.to_string()),
    };
    process::must("sim", &mut cargo)?;
    step.end("every device ended where it belongs");
    Ok(())
}
