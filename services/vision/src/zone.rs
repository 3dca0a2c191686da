//! Zones and counting lines: where in the picture something stands and which way it goes.
//!
//! Points are shares of the picture, so that a zone survives another resolution. They are
//! checked when they are read: whoever holds a [`Polygon`] or a [`Line`] has a good one.

mod counter;
mod geometry;
mod line;
mod written;

use serde::Serialize;

pub use self::counter::LineCounter;
pub use self::line::{Direction, Line};

/// A place in the picture: `x` and `y`, 0..=1, from the left and from the top. Written `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "(f64, f64)")]
pub struct Point {
    x: f64,
    y: f64,
}

/// A zone cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A point is outside of the picture.
    #[error("point [{x}, {y}] is not in the picture; both numbers must be 0 to 1")]
    Outside {
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
    },
    /// Too few corners for an area.
    #[error("a zone needs at least 3 corners, found {0}")]
    Corners(usize),
    /// More corners than anybody draws.
    #[error("a zone has at most {MOST_CORNERS} corners, found {0}")]
    TooManyCorners(usize),
    /// The corners enclose nothing.
    #[error("the corners of the zone enclose no area")]
    Flat,
    /// Two edges cross.
    #[error("the edges from corner {0} and from corner {1} of the zone cross")]
    Crossed(usize, usize),
    /// A line does not have two ends.
    #[error("a line has 2 points, found {0}")]
    Ends(usize),
    /// A line too short to be crossed.
    #[error("the two points of the line are the same")]
    Short,
}

/// Zones with more corners are refused.
pub const MOST_CORNERS: usize = 64;

impl Point {
    /// A point of the picture.
    pub fn new(x: f64, y: f64) -> Result<Self, ShapeError> {
        if (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) {
            Ok(Self { x, y })
        } else {
            Err(ShapeError::Outside { x, y })
        }
    }

    /// From the left, 0..=1.
    pub fn x(self) -> f64 {
        self.x
    }

    /// From the top, 0..=1.
    pub fn y(self) -> f64 {
        self.y
    }
}

impl TryFrom<(f64, f64)> for Point {
    type Error = ShapeError;

    fn try_from((x, y): (f64, f64)) -> Result<Self, ShapeError> {
        Self::new(x, y)
    }
}

impl From<Point> for (f64, f64) {
    fn from(point: Point) -> Self {
        (point.x, point.y)
    }
}

impl From<(f32, f32)> for Point {
    /// The nearest point of the picture.
    fn from((x, y): (f32, f32)) -> Self {
        let inside = |share: f32| {
            if share.is_nan() {
                0.0
            } else {
                f64::from(share.clamp(0.0, 1.0))
            }
        };
        Self {
            x: inside(x),
            y: inside(y),
        }
    }
}

/// A zone: at least 3 corners, edges that do not cross. Written as a list of points.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(into = "Vec<Point>")]
pub struct Polygon(Vec<Point>);

impl TryFrom<Vec<Point>> for Polygon {
    type Error = ShapeError;

    fn try_from(corners: Vec<Point>) -> Result<Self, ShapeError> {
        match corners.len() {
            count @ 0..3 => return Err(ShapeError::Corners(count)),
            count if count > MOST_CORNERS => return Err(ShapeError::TooManyCorners(count)),
            _ => {}
        }
        if let Some((one, other)) = geometry::crossing_edges(&corners) {
            return Err(ShapeError::Crossed(one + 1, other + 1));
        }
        if geometry::area(&corners) < 1e-6 {
            return Err(ShapeError::Flat);
        }
        Ok(Self(corners))
    }
}

impl From<Polygon> for Vec<Point> {
    fn from(polygon: Polygon) -> Self {
        polygon.0
    }
}

impl Polygon {
    /// Its corners.
    pub fn corners(&self) -> &[Point] {
        &self.0
    }

    /// Whether a point (mostly an object's foot: [`Bounds::foot`](crate::Bounds::foot)) is in it.
    pub fn contains(&self, point: impl Into<Point>) -> bool {
        geometry::contains(&self.0, point.into())
    }
}

#[cfg(test)]
mod tests;
