//! `vigla-act VERB`: see the library.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the journal is where a one-shot unit speaks"
)]

use std::process::ExitCode;

use vigla_act::{Places, Real, Verb, serve};

const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    match (words.next().as_deref(), words.next()) {
        (Some("--help" | "-h"), None) => {
            println!("{}", help());
            ExitCode::SUCCESS
        }
        (Some("--version" | "-V"), None) => {
            println!("vigla-act {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        (Some(word), None) => match word.parse::<Verb>() {
            Ok(verb) => act(verb),
            Err(error) => usage(&error.to_string()),
        },
        (None, _) => usage("which act?"),
        (Some(_), Some(_)) => usage("one act at a time"),
    }
}

fn act(verb: Verb) -> ExitCode {
    match serve(verb, &Places::system(), &mut Real) {
        Ok(done) => {
            println!("{verb}: {done}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("vigla-act: {verb}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage(what: &str) -> ExitCode {
    eprintln!("vigla-act: {what}; see --help");
    ExitCode::from(USAGE)
}

fn help() -> String {
    let verbs = Verb::ALL.map(|verb| format!("  {:12} {}", verb.name(), verb.about()));
    format!(
        "One act that needs root, as a checked request file asks for it.\n\n\
         Usage: vigla-act VERB\n\n{}\n\n\
         The request is /run/vigla/act/VERB/request.json, the answer /run/vigla/act/answers/VERB.json.\n\
         Exit codes: 0 done, 1 refused or failed, 2 usage.",
        verbs.join("\n")
    )
}
