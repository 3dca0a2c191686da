//! Values with a range, parsed once.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use vigla_kit::config::form;

/// The name of a camera: lower-case letters, digits, `-` and `_`, 1..=40 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let plain =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if text.is_empty() || text.len() > 40 || !text.bytes().all(plain) {
            return Err(format!(
                "`{text}` is no name of a camera: up to 40 lower-case letters, digits, `-` and `_`"
            ));
        }
        Ok(Self(text))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Width and height in pixels, each even and 16..=8192, written `1280x720`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// A size, if it is within the range.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let good = |n: u32| (16..=8192).contains(&n) && n.is_multiple_of(2);
        (good(width) && good(height)).then_some(Self { width, height })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const FORM: &str = "a size like \"1280x720\": two even numbers, 16 to 8192";
        let parse = |text: &str| {
            let (width, height) = text.split_once('x')?;
            Self::new(width.parse().ok()?, height.parse().ok()?)
        };
        form::text(from, FORM, |text| {
            parse(text).ok_or_else(|| format!("`{text}` is not {FORM}"))
        })
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        format!("{}x{}", size.width, size.height)
    }
}

vigla_kit::whole! {
    /// JPEG quality, 1..=100.
    pub Quality(u8) = 1..=100, "a JPEG quality"
}

impl Default for Quality {
    /// 85: hard to tell from the original, and a third of the bytes of 95.
    fn default() -> Self {
        Self(85)
    }
}

/// A shape of 3..=64 corners, each x and y as a share of the picture, 0.0..=1.0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Polygon(Vec<[f64; 2]>);

impl Polygon {
    const FORM: &str = "a list of 3 to 64 corners [x, y], each number 0.0 to 1.0";

    /// The corners in order.
    pub fn corners(&self) -> &[[f64; 2]] {
        &self.0
    }
}

impl TryFrom<Vec<[f64; 2]>> for Polygon {
    type Error = String;
    fn try_from(corners: Vec<[f64; 2]>) -> Result<Self, String> {
        if !(3..=64).contains(&corners.len()) {
            return Err(format!(
                "a mask of {} corners, expected {}",
                corners.len(),
                Self::FORM
            ));
        }
        let outside = corners.iter().flatten().find(|v| !(0.0..=1.0).contains(*v));
        match outside {
            Some(value) => Err(format!("{value} is outside, expected {}", Self::FORM)),
            None => Ok(Self(corners)),
        }
    }
}

impl<'de> Deserialize<'de> for Polygon {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let corners: Vec<[f64; 2]> = form::list(from, Self::FORM)?;
        Self::try_from(corners).map_err(D::Error::custom)
    }
}
