//! What BitBake complains of. A warning is as bad as an error, unless it is expected, with a reason.

use std::collections::BTreeSet;

/// Lines that complain. What is expected here has its reason beside it.
pub(crate) fn complaints(said: &str) -> Vec<String> {
    // BitBake says why a provider was passed over in a line that is neither error nor warning.
    let loud = |line: &&str| {
        line.starts_with("ERROR:")
            || line.starts_with("WARNING:")
            || line.contains(" was skipped: ")
    };
    let known = |line: &str| EXPECTED.iter().any(|(part, _reason)| line.contains(part));
    let mut seen = BTreeSet::new();
    let lines: Vec<_> = said.lines().collect();
    let complaining = lines.iter().enumerate().filter(|(_, line)| loud(line));
    complaining
        .filter(|(_, line)| !known(line))
        // The same dependency of many is one complaint.
        .filter(|(_, line)| seen.insert(line.split(" (but ").next().unwrap_or(line)))
        .map(|(at, line)| format!("{line}{}", reasons(&lines[at + 1..])))
        .collect()
}

/// What stands indented below a complaint: of a misconfiguration, which one.
fn reasons(after: &[&str]) -> String {
    let below = after
        .iter()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let mut text = String::new();
    for line in below.filter(|line| !line.is_empty()).take(6) {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

/// Warnings that a check on any machine gives, and why they say nothing about the layer.
const EXPECTED: &[(&str, &str)] = &[
    (
        "Buildfile specified, dependencies will not be handled",
        "of the bundle only the task that writes the manifest is run",
    ),
    (
        "has not been validated with this version of the build system",
        "which distribution the machine has is no matter: nothing is built",
    ),
    (
        "No bb files in default matched BBFILE_PATTERN_",
        "the mask leaves nothing of a layer that meta-virtualization asks for",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_a_complaint_unless_it_is_expected() {
        let said = "NOTE: fine\nWARNING: Host distribution \"x\" has not been validated with this version of the build system; y\nWARNING: a.bb: odd\nERROR: Nothing PROVIDES 'z'\n";
        assert_eq!(
            complaints(said),
            ["WARNING: a.bb: odd", "ERROR: Nothing PROVIDES 'z'"]
        );
    }

    #[test]
    fn a_misconfiguration_is_told_with_its_reason() {
        let said =
            "ERROR:  a misconfiguration.\n    Following is the list:\n\n    Error, X\n\nNOTE: y\n";
        assert_eq!(
            complaints(said),
            ["ERROR:  a misconfiguration.\n      Following is the list:\n      Error, X"]
        );
    }
}
