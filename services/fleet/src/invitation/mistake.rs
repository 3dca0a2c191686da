//! What is wrong in the file: where, what, and what to do.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One mistake. None of its texts repeats the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// In lower case, what it is about in backticks.
    pub what: String,
    /// The next step.
    pub fix: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, what, fix } = self;
        write!(f, "line {line}: {what}; {fix}")
    }
}

/// The mistakes found so far in a text.
#[derive(Debug)]
pub(super) struct Notes<'t> {
    text: &'t str,
    found: Vec<Mistake>,
}

impl<'t> Notes<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        let found = Vec::new();
        Self { text, found }
    }

    pub(super) fn add(
        &mut self,
        place: &Range<usize>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = 1 + before.matches('\n').count();
        let (what, fix) = (what.into(), fix.into());
        self.found.push(Mistake { line, what, fix });
    }

    /// By line.
    pub(super) fn end(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|mistake| mistake.line);
        self.found
    }
}
