//! `cargo xtask bench`: what Vigla costs, as ratios in one run.
//!
//! Each row compares us with a named peer, or with a limit, on this machine and in this run; so the
//! figures carry over to another machine where seconds would not. Nothing fails when a goal is missed:
//! the row says so, and its note what bounds it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints its table"
)]
#![allow(clippy::cast_precision_loss, reason = "figures of four digits")]

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

mod bare;
mod film;
mod gauge;
mod process;
mod row;
mod rows;
mod shim;
mod viewer;

use row::Row;

/// What Vigla costs, against a peer or a limit in the same run.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these rows, like P6 or P9
    rows: Vec<String>,
    /// One JSON object per row
    #[arg(long)]
    json: bool,
    /// The rows of the image in an emulated board, in place of the others
    #[arg(long)]
    image: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let all = if arguments.image {
        rows::IMAGE
    } else {
        rows::ALL
    };
    let known = |id: &String| all.iter().any(|(ids, _)| ids.contains(&id.as_str()));
    if let Some(unknown) = arguments.rows.iter().find(|id| !known(id)) {
        let ids: Vec<&str> = all
            .iter()
            .flat_map(|(ids, _)| ids.iter().copied())
            .collect();
        eprintln!("bench: no row `{unknown}`; there are {}", ids.join(", "));
        return ExitCode::from(2);
    }
    if !arguments.json {
        println!(
            "{:4} {:3} {:>9} {:>9} {:>7} {:>9}  what",
            "id", "", "ours", "peer", "ratio", "goal"
        );
    }
    let wanted = |ids: &[&str]| {
        arguments.rows.is_empty() || arguments.rows.iter().any(|row| ids.contains(&row.as_str()))
    };
    for (ids, bench) in all.iter().filter(|(ids, _)| wanted(ids)) {
        eprintln!("measuring {} ...", ids.join(", "));
        let start = Instant::now();
        let rows = bench().unwrap_or_else(|error| {
            ids.iter()
                .map(|id| Row::skipped(id, format!("{error:#}")))
                .collect()
        });
        eprintln!("  done in {} s", start.elapsed().as_secs());
        for row in rows {
            if arguments.json {
                println!("{}", serde_json::to_string(&row).unwrap_or_default());
            } else {
                println!("{row}");
            }
        }
    }
    ExitCode::SUCCESS
}
