//! The mission gate: does the node do what it is for, after this start? Pure; `look` finds the facts,
//! `pass` follows it through, `vigla-gate` is the program.
//!
//! ```text
//!                    all checks in time         not all
//! on trial           good, proven               leave: the unit fails, the node restarts
//! proven before      good                       good, and said: an unplugged camera is no bad version
//! neither            good, proven               stay, not good: there is nothing to go back to
//! ```
//!
//! U-Boot takes one try from the slot at each start, and `good` gives them back. So a version on trial is
//! left when its tries are spent, by U-Boot alone, also when nothing of ours ever ran.

pub mod look;
pub mod pass;

use serde::{Deserialize, Serialize};

use crate::store::{State, Worked};

/// What was asked for, or why nobody answered.
pub type Answer<T> = Result<T, String>;

/// What was seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Services whose names are missing on the bus.
    pub missing: Answer<Vec<String>>,
    /// Cameras by id with their state.
    pub cameras: Answer<Vec<(String, String)>>,
    /// Frames that the metrics service has counted.
    pub counted: Answer<u64>,
    /// What is wrong with the queue (empty: nothing), and what it has accepted since it exists.
    pub queue: Answer<(String, u64)>,
    /// What the page answered.
    pub page: Answer<u16>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// `services`, `cameras`, `counting`, `queue`, `page`; or `mark`: RAUC took our word.
    pub name: String,
    /// `passed`, `failed`, or `not-asked`: nothing worked before that could be wanted back.
    pub state: String,
    /// What is missing; may be empty.
    pub subject: String,
    /// From the gate's start until it passed, or until the end, in milliseconds.
    pub after_ms: u64,
}

/// What the checks come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Mark it good.
    Good,
    /// Mark it good, and say what is missing.
    GoodAndUnwell,
    /// Fail, so that the node restarts.
    Leave,
    /// Fail, and go on: there is nothing to go back to.
    Stay,
}

/// How the version that runs stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// It was installed and has not passed yet.
    OnTrial,
    /// It once passed.
    Proven,
    /// It was flashed, and has not passed yet.
    Unknown,
}

impl Past {
    /// Of `version` in `slot`.
    #[must_use]
    pub fn of(state: &State, slot: &str, version: &str) -> Self {
        if state.trial.as_ref().is_some_and(|trial| trial.slot == slot) {
            Self::OnTrial
        } else if state.is_proven(slot, version) {
            Self::Proven
        } else {
            Self::Unknown
        }
    }
}

/// Holds the facts against what worked before.
#[must_use]
pub fn checks(facts: &Facts, worked: &Worked, after_ms: u64) -> Vec<Check> {
    let check = |name: &str, state: Result<bool, String>| {
        let (state, subject) = match state {
            Ok(true) => ("passed", String::new()),
            Ok(false) => ("not-asked", String::new()),
            Err(subject) => ("failed", subject),
        };
        Check {
            name: name.to_owned(),
            state: state.to_owned(),
            subject,
            after_ms,
        }
    };
    vec![
        check("services", services(facts)),
        check("cameras", cameras(facts, worked)),
        check("counting", counting(facts, worked)),
        check("queue", queue(facts, worked)),
        check("page", page(facts)),
    ]
}

/// What they come to for a version with this past.
#[must_use]
pub fn verdict(checks: &[Check], past: Past) -> Verdict {
    match (first_failed(checks), past) {
        (None, _) => Verdict::Good,
        (Some(_), Past::OnTrial) => Verdict::Leave,
        (Some(_), Past::Proven) => Verdict::GoodAndUnwell,
        (Some(_), Past::Unknown) => Verdict::Stay,
    }
}

/// The first check that failed.
#[must_use]
pub fn first_failed(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.state == "failed")
}

/// What is owed at the moment, in words; empty when all is well.
#[must_use]
pub fn owed(checks: &[Check]) -> String {
    let failed = checks.iter().filter(|check| check.state == "failed");
    let owed = failed.map(|check| format!("{} ({})", check.name, check.subject));
    owed.collect::<Vec<_>>().join("; ")
}

fn services(facts: &Facts) -> Result<bool, String> {
    let missing = facts.missing.as_ref().map_err(Clone::clone)?;
    if missing.is_empty() {
        Ok(true)
    } else {
        Err(missing.join(", "))
    }
}

fn cameras(facts: &Facts, worked: &Worked) -> Result<bool, String> {
    if worked.cameras.is_empty() {
        return Ok(false);
    }
    let cameras = facts.cameras.as_ref().map_err(Clone::clone)?;
    let gone = worked.cameras.iter().filter(|id| {
        !cameras
            .iter()
            .any(|(camera, state)| camera == *id && state == "streaming")
    });
    let gone: Vec<_> = gone.cloned().collect();
    if gone.is_empty() {
        Ok(true)
    } else {
        Err(gone.join(", "))
    }
}

/// Without a camera there is nothing to count; with one, also a new one, a frame must come through.
fn counting(facts: &Facts, worked: &Worked) -> Result<bool, String> {
    let streaming = facts
        .cameras
        .iter()
        .flatten()
        .any(|(_, state)| state == "streaming");
    if worked.cameras.is_empty() && !streaming {
        return Ok(false);
    }
    match facts.counted.as_ref().map_err(Clone::clone)? {
        0 => Err("no frame".into()),
        _ => Ok(true),
    }
}

/// The count of a queue outlives restarts: one that lost its data begins from 0 again.
fn queue(facts: &Facts, worked: &Worked) -> Result<bool, String> {
    let (trouble, accepted) = facts.queue.as_ref().map_err(Clone::clone)?;
    if !trouble.is_empty() {
        return Err(trouble.clone());
    }
    if *accepted < worked.accepted {
        return Err(format!("{accepted} of {} messages", worked.accepted));
    }
    Ok(true)
}

fn page(facts: &Facts) -> Result<bool, String> {
    match facts.page.as_ref().map_err(Clone::clone)? {
        200..=399 => Ok(true),
        status => Err(status.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Facts {
        Facts {
            missing: Ok(Vec::new()),
            cameras: Ok(vec![
                ("front".into(), "streaming".into()),
                ("yard".into(), "absent".into()),
            ]),
            counted: Ok(3),
            queue: Ok((String::new(), 100)),
            page: Ok(200),
        }
    }

    fn silent() -> Facts {
        let why = || "no answer".to_owned();
        Facts {
            missing: Err(why()),
            cameras: Err(why()),
            counted: Err(why()),
            queue: Err(why()),
            page: Err(why()),
        }
    }

    fn worked() -> Worked {
        Worked {
            cameras: vec!["front".into()],
            accepted: 90,
        }
    }

    fn failed(facts: &Facts, worked: &Worked) -> Vec<(String, String)> {
        let checks = checks(facts, worked, 5);
        let failed = checks.into_iter().filter(|check| check.state == "failed");
        failed.map(|check| (check.name, check.subject)).collect()
    }

    #[test]
    fn a_node_that_does_its_work_passes() {
        assert_eq!(failed(&well(), &worked()), []);
    }

    #[test]
    fn each_lack_has_its_check() {
        let with = |change: fn(&mut Facts)| {
            let mut facts = well();
            change(&mut facts);
            failed(&facts, &worked())
        };
        let one = |name: &str, subject: &str| vec![(name.to_owned(), subject.to_owned())];
        assert_eq!(
            with(|f| f.missing = Ok(vec!["detector".into()])),
            one("services", "detector")
        );
        assert_eq!(
            with(|f| f.cameras = Ok(vec![("front".into(), "failed".into())])),
            one("cameras", "front")
        );
        assert_eq!(
            with(|f| f.cameras = Ok(Vec::new())),
            one("cameras", "front")
        );
        assert_eq!(with(|f| f.counted = Ok(0)), one("counting", "no frame"));
        assert_eq!(
            with(|f| f.queue = Ok(("the disk is full".into(), 100))),
            one("queue", "the disk is full")
        );
        assert_eq!(
            with(|f| f.queue = Ok((String::new(), 3))),
            one("queue", "3 of 90 messages")
        );
        assert_eq!(with(|f| f.page = Ok(500)), one("page", "500"));
        let nothing = failed(&silent(), &worked());
        assert_eq!(nothing.len(), 5);
        assert!(nothing.iter().all(|(_, subject)| subject == "no answer"));
        assert_eq!(owed(&checks(&well(), &worked(), 0)), "");
        let owes = owed(&checks(&silent(), &Worked::default(), 0));
        assert!(owes.starts_with("services (no answer); queue"), "{owes}");
    }

    #[test]
    fn a_node_without_a_camera_owes_no_frame() {
        let facts = Facts {
            cameras: Ok(Vec::new()),
            counted: Ok(0),
            ..well()
        };
        let checks = checks(&facts, &Worked::default(), 0);
        let states: Vec<_> = checks.iter().map(|check| check.state.as_str()).collect();
        assert_eq!(
            states,
            ["passed", "not-asked", "not-asked", "passed", "passed"]
        );
        assert_eq!(verdict(&checks, Past::OnTrial), Verdict::Good);
        // A camera that came with the update must count.
        let facts = Facts {
            counted: Ok(0),
            ..well()
        };
        assert_eq!(failed(&facts, &Worked::default()).len(), 1);
    }

    #[test]
    fn only_a_version_on_trial_is_left() {
        let bad = checks(&silent(), &worked(), 0);
        assert_eq!(verdict(&bad, Past::OnTrial), Verdict::Leave);
        assert_eq!(verdict(&bad, Past::Proven), Verdict::GoodAndUnwell);
        assert_eq!(verdict(&bad, Past::Unknown), Verdict::Stay);
        let good = checks(&well(), &worked(), 0);
        for past in [Past::OnTrial, Past::Proven, Past::Unknown] {
            assert_eq!(verdict(&good, past), Verdict::Good);
        }
    }

    #[test]
    fn the_past_is_of_slot_and_version() {
        let mut state = State::default();
        assert_eq!(Past::of(&state, "A", "1.0.0"), Past::Unknown);
        state.prove("A", &semver::Version::new(1, 0, 0));
        assert_eq!(Past::of(&state, "A", "1.0.0"), Past::Proven);
        assert_eq!(Past::of(&state, "A", "1.0.1"), Past::Unknown);
        state.try_out(crate::store::Trial {
            slot: "A".into(),
            ..Default::default()
        });
        assert_eq!(Past::of(&state, "A", "1.0.0"), Past::OnTrial);
    }
}
