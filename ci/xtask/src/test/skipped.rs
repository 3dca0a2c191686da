//! Tests that were skipped, so that nobody takes them for passed.
//!
//! A test that cannot run here appends `test: reason` to a file (`vigla_testkit::skip`); what it
//! prints itself is easily missed among hundreds of others.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::{places, say};

fn file() -> PathBuf {
    places::target().join("skipped.txt")
}

/// Forgets what the last run has skipped.
pub(super) fn forget() {
    let _ = fs::remove_file(file());
}

/// Says what was skipped, loud: a line for each reason.
pub(super) fn tell() {
    for line in lines(&fs::read_to_string(file()).unwrap_or_default()) {
        say::trouble(line);
    }
}

fn lines(text: &str) -> Vec<String> {
    let mut reasons = BTreeMap::<&str, Vec<&str>>::new();
    for line in text.lines() {
        // A test's name has no spaces.
        let named = line
            .split_once(": ")
            .filter(|(name, _)| !name.contains(' '));
        let (name, reason) = named.unwrap_or(("a test", line));
        reasons.entry(reason).or_default().push(name);
    }
    let line = |(reason, tests): (&str, Vec<&str>)| {
        let (count, plural) = (tests.len(), if tests.len() == 1 { "" } else { "s" });
        format!(
            "SKIPPED {count} test{plural}: {reason} ({})",
            tests.join(", ")
        )
    };
    reasons.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn each_reason_is_told_once_with_its_tests() {
        let text = "policy::a: need root: run `sudo x`\nno ffmpeg here: none\npolicy::b: need root: run `sudo x`\n";
        assert_eq!(
            lines(text),
            [
                "SKIPPED 2 tests: need root: run `sudo x` (policy::a, policy::b)",
                "SKIPPED 1 test: no ffmpeg here: none (a test)",
            ]
        );
        assert!(lines("").is_empty());
    }
}
