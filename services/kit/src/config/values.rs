//! Numbers with a range and a unit, parsed once, so that nothing checks them later.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::form;

/// A share, 0.0..=1.0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Ratio(f64);

impl Ratio {
    /// `value` if it is in 0.0..=1.0.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The share as a number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        form::number(from, "a share, 0.0 to 1.0", Self::new)
    }
}

/// A rate per second, 0.01..=240.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Rate(f64);

impl Rate {
    /// `value` if it is in 0.01..=240.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (0.01..=240.0).contains(&value).then_some(Self(value))
    }

    /// Times per second.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The time between two.
    #[must_use]
    pub fn period(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        form::number(from, "a rate, 0.01 to 240 a second", Self::new)
    }
}

/// Makes a type for a whole number with a range and a unit.
///
/// ```
/// vigla_kit::whole! {
///     /// So many connections at once.
///     pub Connections(u16) = 1..=4096, "a number of connections"
/// }
/// assert_eq!(Connections::new(0), None);
/// ```
///
/// A wrong value, and one of a wrong type, is answered with
/// `a number of connections, a whole number from 1 to 4096`.
#[macro_export]
macro_rules! whole {
    ($(#[$doc:meta])* $vis:vis $name:ident($raw:ty) = $least:literal..=$most:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        $vis struct $name($raw);

        impl $name {
            #[doc = concat!("`value` if it is in ", $least, "..=", $most, ".")]
            #[must_use]
            $vis fn new(value: $raw) -> Option<Self> {
                ($least..=$most).contains(&value).then_some(Self(value))
            }

            /// The number.
            #[must_use]
            $vis const fn get(self) -> $raw {
                self.0
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let form = concat!($what, ", a whole number from ", $least, " to ", $most);
                let take = |value: i64| value.try_into().ok().and_then(Self::new);
                $crate::config::form::whole(from, form, take)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                ::serde::Serialize::serialize(&self.0, to)
            }
        }
    };
}
