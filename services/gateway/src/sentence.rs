//! The one sentence that says how the node is and what to do. Pure.

use serde::Serialize;
use vigla_bus::Problem;

/// The sentence at the top of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sentence {
    /// `ok` or `degraded`.
    pub(crate) state: &'static str,
    /// How the node is.
    pub(crate) text: String,
    /// What a person can do now; empty when nothing.
    pub(crate) fix: String,
}

/// What speaks first when several things are wrong: a cause before what follows from it. A
/// missing service explains the rest, a missing camera explains missing counts, and so on.
const FIRST: &[&str] = &[
    "no-peer",
    "peer-silent",
    "port-in-use",
    "no-camera",
    "not-a-camera",
    "camera-",
    "source-",
    "no-ffmpeg",
    "no-library",
    "library-",
    "no-model",
    "model-",
    "picture-",
];

/// Problems whose subject is nothing that a stranger does not know: a service's name, a port of ours.
const PUBLIC: &[&str] = &["no-peer", "peer-silent", "port-in-use", "open-to-all"];

/// What is said instead of any other subject: it may be an address, a file or the name of a room.
const HIDDEN: &str = "…";

/// The same problem for who has not logged in.
pub(crate) fn anonymous(problem: &Problem) -> Problem {
    if PUBLIC.contains(&problem.code.as_str()) {
        return problem.clone();
    }
    Problem::new(&problem.code, HIDDEN)
}

/// Says how the node is. `problems` are those of all services; `cameras` is how many there are.
pub(crate) fn sentence(problems: &[Problem], cameras: usize) -> Sentence {
    let Some(worst) = problems.iter().min_by_key(|p| rank(p)) else {
        return Sentence {
            state: "ok",
            text: match cameras {
                0 => "All services run and wait for a camera.".to_owned(),
                1 => "All is well: 1 camera is watched.".to_owned(),
                n => format!("All is well: {n} cameras are watched."),
            },
            fix: String::new(),
        };
    };
    let more = match problems.len() - 1 {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    Sentence {
        state: "degraded",
        text: format!("Degraded, because {}{more}.", worst.what()),
        fix: as_sentence(&worst.fix()),
    }
}

/// The order in which problems are told: the first one makes the sentence.
pub(crate) fn rank(problem: &Problem) -> (usize, Problem) {
    let code = problem.code.as_str();
    let rank = FIRST
        .iter()
        .position(|first| code == *first || (first.ends_with('-') && code.starts_with(first)))
        .unwrap_or(FIRST.len());
    (rank, problem.clone())
}

/// A clause with a capital and a full stop.
fn as_sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_that_all_is_well() {
        assert_eq!(sentence(&[], 1).text, "All is well: 1 camera is watched.");
        assert_eq!(sentence(&[], 3).text, "All is well: 3 cameras are watched.");
        assert_eq!(sentence(&[], 3).state, "ok");
    }

    #[test]
    fn names_the_cause_first_and_what_to_do() {
        let problems = [
            Problem::new("no-broker", "localhost:1883"),
            Problem::new("picture-dark", "front"),
            Problem::new("no-peer", "vigla-camera"),
        ];
        let said = sentence(&problems, 1);
        assert_eq!(said.state, "degraded");
        assert_eq!(
            said.text,
            "Degraded, because service `vigla-camera` is not running, and 2 more."
        );
        assert_eq!(said.fix, "See its log for the reason.");
    }

    #[test]
    fn a_stranger_learns_no_address() {
        for code in vigla_bus::problem::CODES {
            let problem = anonymous(&Problem::new(code.code, "10.9.8.7:1883"));
            let said = sentence(&[problem], 1);
            let told = said.text + &said.fix;
            assert_eq!(told.contains("10.9.8.7"), PUBLIC.contains(&code.code));
        }
        let problem = anonymous(&Problem::new("no-broker", "10.9.8.7:1883"));
        let said = sentence(&[problem], 1).text;
        assert_eq!(
            said,
            "Degraded, because the MQTT broker `…` does not answer."
        );
    }

    #[test]
    fn an_unknown_problem_is_said_as_it_is() {
        let said = sentence(&[Problem::new("from-the-future", "x")], 1);
        assert_eq!(said.text, "Degraded, because from-the-future x.");
        assert_eq!(said.fix, "");
    }
}
