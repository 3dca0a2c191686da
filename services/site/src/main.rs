//! `vigla-site apply | report | reset | check FILE`: see the library.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "journal and console are where a one-shot unit speaks"
)]

use std::process::ExitCode;

use vigla_act::Places;
use vigla_site::machine::Real;
use vigla_site::{Zones, apply, read, report, reset};

const USAGE: u8 = 2;
const CONFIG: u8 = 78;
const HELP: &str = "The owner's vigla.toml, made into the settings of this node.

Usage: vigla-site apply | report | reset | check FILE

  apply       applies /boot/firmware/vigla.toml if it changed since it was last applied
  report      writes vigla-report.txt beside it, and the same to stdout
  reset       orders a factory reset if there is a file `reset` beside it, which it removes
  check FILE  lists the mistakes of a file

Exit codes: 0 done, 1 failed, 2 usage, 78 the file that was to be checked has mistakes.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--help" | "-h"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        ["--version" | "-V"] => {
            println!("vigla-site {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["apply"] => apply(),
        ["report"] => tell(),
        ["reset"] => forget(),
        ["check", file] => check(file),
        _ => {
            eprintln!("vigla-site: apply, report, reset or check FILE; see --help");
            ExitCode::from(USAGE)
        }
    }
}

fn apply() -> ExitCode {
    let findings = match apply::apply(&Places::system(), &mut Real, &Zones::system()) {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("vigla-site: cannot write what was found: {error}");
            return ExitCode::FAILURE;
        }
    };
    let file = vigla_site::FILE;
    println!(
        "{}",
        match (findings.found, findings.changed) {
            (false, _) => format!("no {file}: all stays as it is"),
            (true, false) => format!("{file} is as it was: all stays as it is"),
            (true, true) => format!("{file} is applied"),
        }
    );
    for mistake in &findings.mistakes {
        eprintln!("{file}: {mistake}");
    }
    for trouble in &findings.troubles {
        eprintln!("vigla-site: {trouble}");
    }
    // Mistakes are the owner's, and told him; the unit did what it is for.
    if findings.troubles.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tell() -> ExitCode {
    let places = Places::system();
    let text = report::text(&places);
    // To the console, which is not kept: it may hold the one-time code.
    println!("\n{text}");
    if let Some(said) = report::fleet(&places) {
        println!("{said}");
    }
    match report::put(&text, &places, &mut Real) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vigla-site: cannot write vigla-report.txt: {error}");
            ExitCode::FAILURE
        }
    }
}

fn forget() -> ExitCode {
    match reset::look(&Places::system(), &mut Real) {
        Ok(true) => println!("restarting, to forget everything: the card has a file `reset`"),
        Ok(false) => println!("nothing is reset"),
        Err(error) => {
            eprintln!("vigla-site: cannot order the reset: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn check(file: &str) -> ExitCode {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("vigla-site: cannot read `{file}`: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (_, mistakes) = read(&bytes, &Zones::system());
    for mistake in &mistakes {
        println!("{file}: {mistake}");
    }
    if mistakes.is_empty() {
        println!("{file}: no mistakes");
        ExitCode::SUCCESS
    } else {
        ExitCode::from(CONFIG)
    }
}
