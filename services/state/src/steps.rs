//! What changed in the state of a service from one version of its files to the next.
//!
//! A step is for small files that are read whole. What only gains keys needs none: every reader ignores keys
//! that it does not know. Queue segments and other logs carry their version in themselves.

use std::collections::BTreeMap;

/// Files by their name below the state folder of the service; `None` is one that is not there.
pub type Files = BTreeMap<String, Option<Vec<u8>>>;

/// The files that are there.
pub type There = BTreeMap<String, Vec<u8>>;

/// A change of files, or why it cannot be made.
pub type Change = fn(There) -> Result<There, String>;

/// One change of the files of one service. Both ways are pure; those of `files` that the answer lacks are removed.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The service.
    pub noun: &'static str,
    /// The version that it leads to, from the one before; the first step leads to 2.
    pub to: u32,
    /// All files that either version of it knows and the change is about.
    pub files: &'static [&'static str],
    /// From the version before. What already is of the newer version is an error.
    pub forward: Change,
    /// To the version before, of what that one can hold.
    pub back: Change,
}

/// The services with a state folder.
pub const NOUNS: [&str; 7] = [
    "camera",
    "detector",
    "enrolment",
    "gateway",
    "metrics",
    "site",
    "updater",
];

/// All steps there are, oldest first. State has had one version so far.
pub const STEPS: &[Step] = &[];

/// The version that this slot writes.
#[must_use]
pub fn version(steps: &[Step], noun: &str) -> u32 {
    of(steps, noun).map(|step| step.to).max().unwrap_or(1)
}

/// The steps of one service.
pub(crate) fn of<'a>(steps: &'a [Step], noun: &str) -> impl DoubleEndedIterator<Item = &'a Step> {
    let noun = noun.to_owned();
    steps.iter().filter(move |step| step.noun == noun)
}

/// All files that the steps of a service are about.
pub(crate) fn files(steps: &[Step], noun: &str) -> Vec<&'static str> {
    let mut all: Vec<_> = of(steps, noun)
        .flat_map(|step| step.files.iter().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// `files` of version `from` as those of version `to`.
pub(crate) fn walk(
    steps: &[Step],
    noun: &str,
    (from, to): (u32, u32),
    files: There,
) -> Result<There, String> {
    if from <= to {
        let mut way = of(steps, noun).filter(|step| step.to > from && step.to <= to);
        way.try_fold(files, |files, step| (step.forward)(files))
    } else {
        let way = of(steps, noun).filter(|step| step.to > to && step.to <= from);
        way.rev().try_fold(files, |files, step| (step.back)(files))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_a_service_follow_each_other() {
        for noun in NOUNS {
            let all: Vec<_> = of(STEPS, noun).map(|step| step.to).collect();
            let expected: Vec<_> = (2..).take(all.len()).collect();
            assert_eq!(all, expected, "{noun}");
        }
        assert!(STEPS.iter().all(|step| NOUNS.contains(&step.noun)));
    }
}
