//! How a job ends: a word of `vigla_bus::updater::RESULTS` and what it is about.

use std::fmt;

use vigla_bus::updater::explain;

/// Why a bundle was not installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// A word of `RESULTS`, never `done`.
    pub code: &'static str,
    /// A machine, a version, a host; may be empty.
    pub subject: String,
}

impl End {
    /// About nothing in particular.
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        Self::about(code, "")
    }

    /// About `subject`, of which as much is kept as a line holds.
    pub fn about(code: &'static str, subject: impl Into<String>) -> Self {
        let subject: String = subject.into();
        let line = subject.lines().next().unwrap_or_default();
        Self {
            code,
            subject: line.chars().take(200).collect(),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&explain(self.code, &self.subject).0)
    }
}

impl std::error::Error for End {}
