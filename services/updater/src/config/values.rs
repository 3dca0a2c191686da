//! Values that are valid once they are there.

use hyper::Uri;
use jiff::civil::{Time, Weekday, time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vigla_kit::config::form;

/// An address of the web, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address(Option<Uri>);

impl Address {
    /// A default.
    pub(super) fn fixed(text: &'static str) -> Self {
        Self(Some(Uri::from_static(text)))
    }

    /// The address.
    #[must_use]
    pub fn get(&self) -> Option<&Uri> {
        self.0.as_ref()
    }

    /// An address that we can ask: a host, and no user, whose password a log might show.
    #[must_use]
    pub fn parse(text: &str) -> Option<Uri> {
        let uri: Uri = text.parse().ok()?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri
            .authority()
            .is_some_and(|a| !a.host().is_empty() && !a.as_str().contains('@'));
        (known && host).then_some(uri)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let form = "an address without a user, like \"https://example.org/feed.json\", or \"\"";
        form::text(from, form, |text| {
            if text.is_empty() {
                return Ok(Self(None));
            }
            let uri = Self::parse(text).ok_or_else(|| format!("`{text}` is not {form}"))?;
            Ok(Self(Some(uri)))
        })
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text = self.0.as_ref().map(ToString::to_string);
        to.serialize_str(&text.unwrap_or_default())
    }
}

/// What is done with a newer release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Automatic {
    /// Nobody asks.
    Never,
    /// It is shown.
    Check,
    /// It is installed in the maintenance window.
    Install,
}

impl<'de> Deserialize<'de> for Automatic {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let form = "\"never\", \"check\" or \"install\"";
        form::text(from, form, |text| match text {
            "never" => Ok(Self::Never),
            "check" => Ok(Self::Check),
            "install" => Ok(Self::Install),
            _ => Err(format!("`{text}` is not {form}")),
        })
    }
}

/// Bytes of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bytes(u64);

impl Bytes {
    /// A default.
    pub(super) const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let form = "a number of bytes, a whole number from 0 to 1099511627776";
        form::whole(from, form, |value| {
            let value = u64::try_from(value).ok()?;
            (value <= 1 << 40).then_some(Self(value))
        })
    }
}

/// A time of the day, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock(Time);

impl Clock {
    /// A default.
    pub(super) const fn hour(hour: i8) -> Self {
        Self(time(hour, 0, 0, 0))
    }

    /// The time.
    #[must_use]
    pub const fn get(self) -> Time {
        self.0
    }
}

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let form = "a time of the day, like \"02:30\"";
        form::text(from, form, |text| {
            let digits = |part: &str| (part.len() == 2).then(|| part.parse().ok()).flatten();
            let parts = text.split_once(':');
            let time = parts
                .and_then(|(hour, minute)| Time::new(digits(hour)?, digits(minute)?, 0, 0).ok());
            time.map(Self)
                .ok_or_else(|| format!("`{text}` is not {form}"))
        })
    }
}

impl Serialize for Clock {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:02}:{:02}", self.0.hour(), self.0.minute()))
    }
}

/// Days of the week, by their first three letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Days(Vec<Day>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

const WEEK: [(&str, Day, Weekday); 7] = [
    ("mon", Day::Mon, Weekday::Monday),
    ("tue", Day::Tue, Weekday::Tuesday),
    ("wed", Day::Wed, Weekday::Wednesday),
    ("thu", Day::Thu, Weekday::Thursday),
    ("fri", Day::Fri, Weekday::Friday),
    ("sat", Day::Sat, Weekday::Saturday),
    ("sun", Day::Sun, Weekday::Sunday),
];

impl Days {
    /// Every day.
    pub(super) fn all() -> Self {
        Self(WEEK.map(|(_, day, _)| day).to_vec())
    }

    /// As the calendar has them.
    #[must_use]
    pub fn get(&self) -> Vec<Weekday> {
        let chosen = WEEK.iter().filter(|(_, day, _)| self.0.contains(day));
        chosen.map(|(_, _, weekday)| *weekday).collect()
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Day>::deserialize(from).map(Self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let form = "a day: \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\" or \"sun\"";
        form::text(from, form, |text| {
            let known = WEEK.iter().find(|(name, ..)| *name == text);
            known
                .map(|(_, day, _)| *day)
                .ok_or_else(|| format!("`{text}` is not {form}"))
        })
    }
}
