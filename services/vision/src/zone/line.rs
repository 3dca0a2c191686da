//! Counting lines.

use serde::{Deserialize, Serialize};

use super::geometry::{crosses, side};
use super::{Point, ShapeError};

/// Which way a line was crossed: `in` is from the left to the right of someone who looks from
/// the line's first point to its second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From left to right.
    In,
    /// From right to left.
    Out,
}

impl Direction {
    /// `in` or `out`.
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A counting line from one point to another. Written as a list of two points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "Vec<Point>")]
pub struct Line {
    from: Point,
    to: Point,
}

impl Line {
    /// A line between two points.
    pub fn new(from: Point, to: Point) -> Result<Self, ShapeError> {
        if (from.x - to.x).hypot(from.y - to.y) < 1e-6 {
            return Err(ShapeError::Short);
        }
        Ok(Self { from, to })
    }

    /// Its two ends.
    pub fn ends(&self) -> [Point; 2] {
        [self.from, self.to]
    }

    /// Whether a straight way from `before` to `after` crosses it, and which way.
    pub fn crossed(&self, before: Point, after: Point) -> Option<Direction> {
        if !crosses(self.from, self.to, before, after) {
            return None;
        }
        let (was, is) = (self.distance(before), self.distance(after));
        // The picture's y axis points down: positive is to the right of the line's direction.
        match (was < 0.0, is < 0.0) {
            (true, false) => Some(Direction::In),
            (false, true) => Some(Direction::Out),
            _ => None,
        }
    }

    /// Distance of a point from the endless line, in shares of the picture; negative to the left.
    pub(super) fn distance(&self, point: Point) -> f64 {
        let length = (self.to.x - self.from.x).hypot(self.to.y - self.from.y);
        side(self.from, self.to, point) / length
    }
}

impl TryFrom<Vec<Point>> for Line {
    type Error = ShapeError;

    fn try_from(points: Vec<Point>) -> Result<Self, ShapeError> {
        match points[..] {
            [from, to] => Self::new(from, to),
            _ => Err(ShapeError::Ends(points.len())),
        }
    }
}

impl From<Line> for Vec<Point> {
    fn from(line: Line) -> Self {
        line.ends().to_vec()
    }
}
