//! `vigla-state enter | leave | reset`: see the library.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "journal and initial RAM disk read what a one-shot program says"
)]

use std::process::ExitCode;

use vigla_act::Places;
use vigla_state::steps::STEPS;
use vigla_state::{enter, leave, reset};

const USAGE: u8 = 2;
const HELP: &str = "State that outlives the slots.

Usage: vigla-state enter | leave | reset

  enter  brings the state of each service to the version of this slot
  leave  puts it beside as the version before wants it
  reset  forgets everything but what a reset keeps, if there is an order in /data/reset;
         for the initial RAM disk, before anything of it is in use

Exit codes: 0 done, 1 not all of it, 2 usage.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let places = Places::system();
    match words.as_slice() {
        ["--help" | "-h"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        ["--version" | "-V"] => {
            println!("vigla-state {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["enter"] => told(&enter(&places, STEPS)),
        ["leave"] => told(&leave(&places, STEPS)),
        ["reset"] => {
            let said = reset::carry_out(&places);
            if let Some(said) = &said {
                println!("{}", said.text());
            }
            code(said.is_none_or(|said| said.left.is_empty()))
        }
        _ => {
            eprintln!("vigla-state: enter, leave or reset; see --help");
            ExitCode::from(USAGE)
        }
    }
}

fn told(said: &vigla_state::move_over::Said) -> ExitCode {
    for done in &said.done {
        println!("{done}");
    }
    for trouble in &said.troubles {
        eprintln!("vigla-state: {trouble}");
    }
    code(said.troubles.is_empty())
}

fn code(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
