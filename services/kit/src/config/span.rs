//! Lengths of time with their unit in the text: `"250ms"`, `"10s"`, `"1h 30m"`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::form;

/// A second in milliseconds, as the bounds of [`Span`] are given.
pub const SECOND: u64 = 1000;
/// A minute in milliseconds.
pub const MINUTE: u64 = 60 * SECOND;
/// An hour in milliseconds.
pub const HOUR: u64 = 60 * MINUTE;
/// A day in milliseconds.
pub const DAY: u64 = 24 * HOUR;

/// A length of time of `LEAST..=MOST` milliseconds. Each setting has bounds of its own: what is
/// far outside is a slip of the unit, and zero is often a service that does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span<const LEAST: u64, const MOST: u64>(Duration);

impl<const LEAST: u64, const MOST: u64> Span<LEAST, MOST> {
    /// `length` if it is within the bounds.
    #[must_use]
    pub fn new(length: Duration) -> Option<Self> {
        let bounds = Duration::from_millis(LEAST)..=Duration::from_millis(MOST);
        bounds.contains(&length).then_some(Self(length))
    }

    /// A span of milliseconds, for a default.
    ///
    /// # Panics
    ///
    /// When it is outside of the bounds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        assert!(
            LEAST <= millis && millis <= MOST,
            "a default is within its bounds"
        );
        Self(Duration::from_millis(millis))
    }

    /// A span of seconds, for a default.
    ///
    /// # Panics
    ///
    /// When it is outside of the bounds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self::from_millis(seconds * SECOND)
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    fn form() -> String {
        let text = |millis| humantime::format_duration(Duration::from_millis(millis));
        let (least, most) = (text(LEAST), text(MOST));
        format!("a length of time with its unit, \"{least}\" to \"{most}\"")
    }

    fn parse(text: &str) -> Result<Self, String> {
        let form = Self::form();
        let length = humantime::parse_duration(text)
            .map_err(|error| format!("`{text}` is not a length of time ({error}): use {form}"))?;
        Self::new(length).ok_or_else(|| format!("`{text}` is out of range: use {form}"))
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Span<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        form::text(from, &Self::form(), Self::parse)
    }
}

impl<const LEAST: u64, const MOST: u64> Serialize for Span<LEAST, MOST> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<const LEAST: u64, const MOST: u64> fmt::Display for Span<LEAST, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}
