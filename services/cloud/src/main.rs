//! `kubectl vigla`: the operator's tool.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = cli::Cli::parse();
    match cli::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kubectl-vigla: {error:#}");
            ExitCode::FAILURE
        }
    }
}
