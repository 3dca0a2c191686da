//! Values that are checked once, when they are read.

use serde::{Deserialize, Deserializer, Serialize};
use vigla_bus::address::conceal;
use vigla_kit::config::form;

/// Host and port of the broker: `localhost:1883`, `192.0.2.7:1883`, `[::1]:1883`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Address {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port, from 1.
    pub port: u16,
}

impl Address {
    /// The host as it stands before a colon and a port.
    #[must_use]
    pub fn bracketed(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

impl Address {
    const FORM: &str = "a host and port like \"localhost:1883\" or \"[::1]:1883\"";

    fn parse(text: &str) -> Result<Self, String> {
        // A password does not belong there, and if somebody wrote one it goes no further.
        let wrong = || format!("`{}` is not {}", conceal(text), Self::FORM);
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let inner = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let sound = match inner {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(plain),
        };
        let port = port
            .parse::<std::num::NonZeroU16>()
            .map_err(|_| wrong())?
            .get();
        if sound {
            Ok(Self {
                host: inner.unwrap_or(host).to_owned(),
                port,
            })
        } else {
            Err(wrong())
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        form::text(from, Self::FORM, Self::parse)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.bracketed(), self.port)
    }
}

/// One or more levels of a topic: no wildcard, no empty level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Level(String);

impl Level {
    pub(super) fn fixed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Level {
    const FORM: &str = "the start of a topic like \"demo\" or \"site/demo\"";

    fn parse(text: &str) -> Result<Self, String> {
        let sound = text
            .split('/')
            .all(|level| !level.is_empty() && crate::topics::level(level) == level);
        if sound && !text.starts_with('$') {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not {}", Self::FORM))
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        form::text(from, Self::FORM, Self::parse)
    }
}

impl From<Level> for String {
    fn from(level: Level) -> Self {
        level.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hosts_with_ports_and_nothing_else() {
        for text in [
            "localhost:1883",
            "192.0.2.7:1",
            "broker.example.org:8883",
            "[::1]:1883",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "localhost",
            ":1883",
            "a:0",
            "a:65536",
            "::1:1883",
            "[x]:1",
            "mqtt://a:1",
            "a b:1",
            "[::1:5",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        let told = Address::parse("me:SECRET@broker:1883").unwrap_err();
        assert!(told.starts_with("`...@broker:1883`"), "{told}");
    }

    #[test]
    fn a_prefix_has_no_wildcards() {
        for (text, sound) in [
            ("demo", true),
            ("a/b", true),
            ("", false),
            ("/demo", false),
            ("a/#", false),
            ("$SYS", false),
        ] {
            assert_eq!(Level::parse(text).is_ok(), sound, "{text}");
        }
    }
}
