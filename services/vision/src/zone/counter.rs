//! Counting who crosses a line, once each.

use std::collections::HashMap;

use super::{Direction, Line, Point};

/// A foot must be this far beyond the line, in shares of the picture, to have crossed it: boxes
/// tremble, and someone who waits on the line is not a crowd.
const MARGIN: f64 = 0.01;

/// Remembers of each track on which side of a line it last was for certain.
#[derive(Debug, Clone)]
pub struct LineCounter {
    line: Line,
    last: HashMap<u64, Point>,
}

impl LineCounter {
    /// A counter for a line.
    pub fn new(line: Line) -> Self {
        Self {
            line,
            last: HashMap::new(),
        }
    }

    /// The line.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Tells where the foot of a track is now; gives the direction when it has just crossed.
    pub fn observe(&mut self, track: u64, foot: impl Into<Point>) -> Option<Direction> {
        let foot = foot.into();
        if self.line.distance(foot).abs() < MARGIN {
            // Too near to say; the last certain place stands, unless there is none.
            return None;
        }
        let before = self.last.insert(track, foot)?;
        self.line.crossed(before, foot)
    }

    /// Forgets every track for which `keep` is false: those that departed.
    pub fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.last.retain(|track, _| keep(*track));
    }
}
