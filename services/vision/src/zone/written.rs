//! How shapes stand in a settings file: as lists of points. What is not one is told what one is.

use serde::de::{Deserialize, Deserializer, Error};

use super::{Line, Point, Polygon, ShapeError};

impl<'de> Deserialize<'de> for Polygon {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const FORM: &str = "a list of 3 to 64 corners [x, y], each number 0.0 to 1.0";
        points(from, FORM)
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        points(from, "a list of two points [x, y], each number 0.0 to 1.0")
    }
}

fn points<'de, D: Deserializer<'de>, T>(from: D, form: &str) -> Result<T, D::Error>
where
    T: TryFrom<Vec<Point>, Error = ShapeError>,
{
    let pairs = Vec::<(f64, f64)>::deserialize(from).map_err(|error| {
        // serde's own expectation is of a part, and in words of Rust.
        let said = error.to_string();
        let what = said.split(", expected ").next().unwrap_or_default();
        D::Error::custom(format_args!("{}, expected {form}", what.trim()))
    })?;
    let points: Result<Vec<Point>, ShapeError> = pairs.into_iter().map(Point::try_from).collect();
    points.and_then(T::try_from).map_err(D::Error::custom)
}
