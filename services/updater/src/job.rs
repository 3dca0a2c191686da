//! The one job: where it stands, and its end.
//!
//! ```text
//! waiting ──► fetching ──► (building) ──► checking ──► writing ──► over
//!    └───────────┴───────────┴─────────────┴── cancel, refuse ───►┘  (RAUC's writing cannot be stopped)
//! ```

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vigla_bus::names::UPDATER;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// For the maintenance window.
    Waiting,
    /// From the network.
    Fetching,
    /// From a delta and the slot that runs.
    Building,
    /// What RAUC and we think of it.
    Checking,
    /// RAUC writes.
    Writing,
    /// It has ended.
    Over,
}

impl Stage {
    /// The word on the bus.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Building => "building",
            Self::Checking => "checking",
            Self::Writing => "writing",
            Self::Over => "over",
        }
    }
}

/// How it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Where it is.
    pub stage: Stage,
    /// Share of the stage that is done, 0..=1, in whole percents.
    pub share: f64,
    /// Once it is known.
    pub version: String,
    /// Empty until it is over.
    pub result: &'static str,
    /// What the result is about.
    pub subject: String,
}

/// A job; clones are the same one.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number; 0 is none.
    pub id: u64,
    /// What was asked for, without user and password.
    pub source: Arc<str>,
    /// Cancelled by its caller.
    pub cancel: CancellationToken,
    standing: Arc<watch::Sender<Standing>>,
}

impl Job {
    /// One that begins.
    #[must_use]
    pub fn new(id: u64, source: &str) -> Self {
        let standing = Standing {
            stage: Stage::Checking,
            share: 0.0,
            version: String::new(),
            result: "",
            subject: String::new(),
        };
        Self {
            id,
            source: source.into(),
            cancel: CancellationToken::new(),
            standing: Arc::new(watch::Sender::new(standing)),
        }
    }

    /// What stands for a job before the first.
    #[must_use]
    pub fn none() -> Self {
        let job = Self::new(0, "");
        job.enter(Stage::Over);
        job
    }

    /// Where its object is.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/job/{}", UPDATER.path, self.id)
    }

    /// How it stands now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Changes from now on.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// The next stage, from its beginning.
    pub fn enter(&self, stage: Stage) {
        self.standing.send_modify(|standing| {
            standing.stage = stage;
            standing.share = 0.0;
        });
    }

    /// Only whole percents are news.
    pub fn progress(&self, share: f64) {
        let share = (share.clamp(0.0, 1.0) * 100.0).floor() / 100.0;
        self.standing.send_if_modified(|standing| {
            let news = (standing.share - share).abs() > 0.005;
            standing.share = share;
            news
        });
    }

    /// What is in the bundle.
    pub fn holds(&self, version: &str) {
        self.standing
            .send_modify(|s| version.clone_into(&mut s.version));
    }

    /// It has ended.
    pub fn end(&self, result: &'static str, subject: &str) {
        self.standing.send_modify(|standing| {
            standing.stage = Stage::Over;
            standing.result = result;
            subject.clone_into(&mut standing.subject);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_percents_are_news() {
        let job = Job::new(1, "x");
        let mut changes = job.changes();
        job.progress(0.001);
        assert!(!changes.has_changed().unwrap());
        job.progress(0.0199);
        assert!(changes.has_changed().unwrap());
        assert!((changes.borrow_and_update().share - 0.01).abs() < 1e-9);
        job.enter(Stage::Writing);
        job.progress(f64::NAN);
        job.end("done", "");
        let standing = job.standing();
        assert_eq!((standing.stage.word(), standing.result), ("over", "done"));
    }
}
