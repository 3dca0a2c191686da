//! `viglactl reset`: says what is kept and what is lost, asks, and has the node forget.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::json;
use vigla_bus::names::UPDATER;
use vigla_bus::reset::{KEPT, LOST, QUESTION};

use crate::cli::Reset;
use crate::fault::Fault;
use crate::on_bus;
use crate::out::Out;

/// The word that means it.
const YES: &str = "yes";

/// Whether it goes on.
#[derive(Debug, PartialEq, Eq)]
enum Go {
    On,
    /// It was asked, and answered otherwise.
    Back,
    /// Nobody can be asked.
    Nobody,
}

/// Decides it: told so on the command line, or by the answer of a person.
fn go(told: bool, answer: Option<&str>) -> Go {
    match (told, answer) {
        (true, _) => Go::On,
        (false, Some(answer)) if answer.trim() == YES => Go::On,
        (false, Some(_)) => Go::Back,
        (false, None) => Go::Nobody,
    }
}

/// Asks, unless told not to; then orders.
pub(crate) fn run(options: &Reset, out: Out) -> Result<ExitCode, Fault> {
    if !out.json() {
        for line in lines() {
            eprintln!("{line}");
        }
    }
    let answer = if options.yes { None } else { asked()? };
    match go(options.yes, answer.as_deref()) {
        Go::On => {}
        Go::Back => return Err(Fault::because("nothing was reset")),
        Go::Nobody => {
            return Err(Fault::usage(
                "there is no terminal to ask at: say `--yes` if you mean it",
            ));
        }
    }
    on_bus(async |client| {
        let ordered = client.updater().await?.reset("viglactl").await;
        ordered.map_err(|error| Fault::call(UPDATER.binary, "order the reset", &error))?;
        if out.json() {
            out.value(&json!({ "ordered": true, "kept": KEPT, "lost": LOST }))?;
        } else {
            out.line("the node restarts now, and forgets")?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What a person reads first.
fn lines() -> Vec<String> {
    let list = |lead: &str, items: &[&str]| -> Vec<String> {
        let items = items.iter().map(|item| format!("  - {item}"));
        std::iter::once(lead.to_owned()).chain(items).collect()
    };
    [list("A reset loses:", LOST), list("It keeps:", KEPT)].concat()
}

/// What a person at a terminal answers; `None` where there is none.
fn asked() -> io::Result<Option<String>> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    eprint!("{QUESTION} Type `{YES}` to go on: ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_means_yes_and_silence_does_not() {
        assert_eq!(go(true, None), Go::On);
        assert_eq!(go(false, Some("yes\n")), Go::On);
        for answer in ["y", "", "no", "yes please"] {
            assert_eq!(go(false, Some(answer)), Go::Back, "{answer}");
        }
        assert_eq!(go(false, None), Go::Nobody);
    }

    #[test]
    fn it_says_what_is_lost_and_what_is_kept() {
        let said = lines().join("\n");
        for item in KEPT.iter().chain(LOST) {
            assert!(said.contains(item), "{item}");
        }
    }
}
