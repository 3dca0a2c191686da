//! What is wrong in the owner's file: where, what, and what to do.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One mistake. None of its texts repeats a password or a passphrase.
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
        write!(f, "line {line}: {what}\n    {fix}")
    }
}

/// The mistakes found so far.
#[derive(Debug)]
pub(crate) struct Notes {
    /// Where lines end.
    ends: Vec<usize>,
    found: Vec<Mistake>,
    /// Lines that cannot be read, and of which nothing is taken: what the parser makes of them is a guess.
    unreadable: BTreeSet<usize>,
}

impl Notes {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            ends: text.match_indices('\n').map(|(at, _)| at).collect(),
            found: Vec::new(),
            unreadable: BTreeSet::new(),
        }
    }

    /// The line of a place.
    fn line(&self, place: &Range<usize>) -> usize {
        1 + self.ends.partition_point(|end| *end < place.start)
    }

    /// The line of this place cannot be read.
    pub(crate) fn unreadable(
        &mut self,
        place: &Range<usize>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.unreadable.insert(self.line(place));
        self.add(place, what, fix);
    }

    /// Whether something was said of the whole line already.
    pub(crate) fn is_unreadable(&self, place: &Range<usize>) -> bool {
        self.unreadable.contains(&self.line(place))
    }

    /// Something is wrong at these bytes of the text.
    pub(crate) fn add(
        &mut self,
        place: &Range<usize>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let line = self.line(place);
        let (what, fix) = (what.into(), fix.into());
        self.found.push(Mistake { line, what, fix });
    }

    /// All of them, by line; each once.
    pub(crate) fn end(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|mistake| mistake.line);
        self.found.dedup();
        self.found
    }
}
