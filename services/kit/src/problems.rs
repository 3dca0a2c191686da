//! The list of reasons why a daemon is degraded: set and cleared from any task or thread.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use vigla_bus::Problem;

/// The problems of one daemon. Cheap to clone; every change is logged once and told to the bus.
#[derive(Debug, Clone)]
pub struct Problems(Arc<watch::Sender<BTreeSet<Problem>>>);

impl Default for Problems {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(BTreeSet::new())))
    }
}

impl Problems {
    /// Adds a problem; nothing happens when it is known already.
    pub fn set(&self, problem: Problem) {
        self.0.send_if_modified(|all| insert(all, problem));
    }

    /// Takes a problem back; nothing happens when it is not there.
    pub fn clear(&self, code: &str, subject: &str) {
        let gone = Problem::new(code, subject);
        self.0.send_if_modified(|all| remove(all, &gone));
    }

    /// Takes back every problem with one of `codes` and this `subject`.
    pub fn clear_all(&self, codes: &[&str], subject: &str) {
        for code in codes {
            self.clear(code, subject);
        }
    }

    /// Makes `now` the only problems among `codes`, whatever their subject.
    pub fn replace(&self, codes: &[&str], now: Vec<Problem>) {
        self.0.send_if_modified(|all| {
            let gone: Vec<_> = all
                .iter()
                .filter(|p| codes.contains(&p.code.as_str()) && !now.contains(p))
                .cloned()
                .collect();
            let mut changed = false;
            for problem in &gone {
                changed |= remove(all, problem);
            }
            for problem in now {
                changed |= insert(all, problem);
            }
            changed
        });
    }

    /// The problems now, sorted.
    #[must_use]
    pub fn list(&self) -> Vec<Problem> {
        self.0.borrow().iter().cloned().collect()
    }

    /// Changes from now on.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<BTreeSet<Problem>> {
        self.0.subscribe()
    }

    /// One line for `STATUS=`: `idle status` when all is well, else `degraded, because ...`.
    #[must_use]
    pub fn status(&self, well: &str) -> String {
        let all: Vec<_> = self.0.borrow().iter().map(Problem::what).collect();
        if all.is_empty() {
            well.to_owned()
        } else {
            format!("degraded, because {}", all.join("; "))
        }
    }
}

fn insert(all: &mut BTreeSet<Problem>, problem: Problem) -> bool {
    if all.contains(&problem) {
        return false;
    }
    tracing::warn!(code = %problem.code, subject = %problem.subject, "degraded, because {}", problem.what());
    all.insert(problem)
}

fn remove(all: &mut BTreeSet<Problem>, problem: &Problem) -> bool {
    let gone = all.remove(problem);
    if gone {
        tracing::info!(code = %problem.code, subject = %problem.subject, "no longer a problem");
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_it_is_degraded_until_the_last_reason_is_gone() {
        let problems = Problems::default();
        assert_eq!(problems.status("counting"), "counting");
        problems.set(Problem::new("no-broker", "localhost:1883"));
        problems.set(Problem::new("no-broker", "localhost:1883"));
        assert_eq!(
            problems.status("counting"),
            "degraded, because the MQTT broker `localhost:1883` does not answer"
        );
        problems.clear("no-broker", "localhost:1883");
        assert_eq!(problems.list(), []);
    }

    #[test]
    fn replace_touches_only_its_own_codes() {
        let problems = Problems::default();
        problems.set(Problem::new("no-camera", ""));
        problems.set(Problem::new("picture-dark", "front"));
        problems.replace(
            &["picture-dark", "picture-black"],
            vec![Problem::new("picture-black", "front")],
        );
        let codes: Vec<_> = problems.list().into_iter().map(|p| p.code).collect();
        assert_eq!(codes, ["no-camera", "picture-black"]);
    }
}
