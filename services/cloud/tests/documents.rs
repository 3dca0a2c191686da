//! The commands of the documents are ones that this program knows, with values that the chart has.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::path::Path;
use std::process::Command;

const DOCUMENTS: [&str; 3] = [
    "docs/enrolment.md",
    "docs/fleet.md",
    "services/cloud/README.md",
];

/// The lines that begin with `kubectl vigla`, in words. What follows a `#` is said to the reader, `...` is what stood
/// before, and what is in brackets may be left out.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let lines = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("kubectl vigla "));
    lines
        .map(|rest| {
            let words = rest.split(" #").next().unwrap_or_default();
            let words = words.split_whitespace().filter(|word| *word != "...");
            words.map(|word| word.trim_matches(['[', ']'])).collect()
        })
        .collect()
}

/// Whether the program takes these words; nothing is written to a cluster.
fn complaint(words: &[&str]) -> Option<String> {
    // What changes nothing: `--help` is answered after all that stands before it was understood.
    let harmless = if words.first() == Some(&"install") {
        "--print"
    } else {
        "--help"
    };
    let mut program = Command::new(env!("CARGO_BIN_EXE_kubectl-vigla"));
    let done = program.args(words).arg(harmless).output().unwrap();
    (!done.status.success()).then(|| String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn every_command_of_the_documents_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tried = 0;
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for words in commands(&text) {
            // `a|b|c` stands for each of them.
            let choices = words.iter().find(|word| word.contains('|')).copied();
            for choice in choices.unwrap_or("").split('|') {
                let line: Vec<_> = words
                    .iter()
                    .map(|word| {
                        if Some(*word) == choices {
                            choice
                        } else {
                            *word
                        }
                    })
                    .collect();
                assert_eq!(complaint(&line), None, "{document}: {line:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 8, "{tried}");
}

#[test]
fn what_it_does_not_know_is_found() {
    for wrong in [
        &["install", "--set", "colour=red"][..],
        &[
            "claim",
            "create",
            "--endpoint",
            "https://x:8443",
            "--colour",
            "red",
        ],
        &["device", "promote", "vigla-0"],
    ] {
        assert!(complaint(wrong).is_some(), "{wrong:?}");
    }
}
