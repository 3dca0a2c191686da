//! The gateway's settings; the manual is `dist/usr/lib/vigla/gateway.d/10-default.toml`.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};
use vigla_kit::config::{Rate, Span};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the page is served.
    pub listen: Listen,
    /// What a client may cost.
    pub limits: Limits,
    /// How pictures are sent.
    pub stream: Stream,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Listen(SocketAddr::from(([127, 0, 0, 1], 8080))),
            limits: Limits::default(),
            stream: Stream::default(),
        }
    }
}

impl vigla_kit::Settings for Settings {}

/// What a client may cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once; one more gets 503.
    pub connections: Count,
    /// Connections at once from one address; one more gets 429.
    pub connections_per_address: Count,
    /// Longest wait for a whole request head, on a new connection and on one kept alive.
    pub header_timeout: Span,
    /// Longest time without a byte taken by a client that we have data for.
    pub write_stall: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Count(256),
            connections_per_address: Count(128),
            header_timeout: Span::from_secs(10),
            write_stall: Span::from_secs(20),
        }
    }
}

/// How pictures are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stream {
    /// Most pictures a second to one client, whatever it asks for.
    pub frame_rate: Rate,
    /// How long the big picture of the legacy wall stays with one camera.
    pub rotate: Span,
    /// JPEG quality of pictures with boxes burned in.
    pub boxes_quality: Quality,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            frame_rate: Rate::try_from(30.0).expect("30 is a rate"),
            rotate: Span::from_secs(5),
            boxes_quality: Quality(85),
        }
    }
}

/// An address on this machine only.
///
/// Another one is refused: without log-in (a later issue) the pictures would be open to the
/// whole network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Listen(SocketAddr);

impl Listen {
    /// The address to bind.
    #[must_use]
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

impl TryFrom<String> for Listen {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let address: SocketAddr = text.parse().map_err(|_| {
            format!("`{text}` is not an address and port like \"127.0.0.1:8080\" or \"[::1]:8080\"")
        })?;
        if address.ip().is_loopback() {
            Ok(Self(address))
        } else {
            Err(format!(
                "`{text}` can be reached from the network, and the page has no log-in yet: \
                 use \"127.0.0.1:{port}\" or \"[::1]:{port}\" and reach it through ssh",
                port = address.port()
            ))
        }
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $raw:ty, $range:expr, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name($raw);

        impl $name {
            /// The number.
            #[must_use]
            pub const fn get(self) -> $raw {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = String;
            fn try_from(value: i64) -> Result<Self, String> {
                <$raw>::try_from(value)
                    .ok()
                    .filter(|v| ($range).contains(v))
                    .map(Self)
                    .ok_or_else(|| format!("{value} is not {}", $what))
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> Self {
                Self::from(value.0)
            }
        }
    };
}

bounded!(
    /// A number of connections, 1..=4096.
    Count,
    u16,
    1..=4096,
    "a number of connections: 1 to 4096"
);

bounded!(
    /// A JPEG quality, 30..=100.
    Quality,
    u8,
    30..=100,
    "a JPEG quality: 30 to 100"
);

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../dist/usr/lib/vigla/gateway.d/10-default.toml");

    #[test]
    fn the_manual_says_the_defaults() {
        assert_eq!(
            toml::from_str::<Settings>(MANUAL).unwrap(),
            Settings::default()
        );
    }

    #[test]
    fn the_manual_has_every_key() {
        let ours = toml::Table::try_from(Settings::default()).unwrap();
        let theirs: toml::Table = MANUAL.parse().unwrap();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn refuses_what_the_network_could_reach() {
        for text in ["0.0.0.0:8080", "192.168.1.2:80", "[::]:8080"] {
            let error = Listen::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains("no log-in"), "{error}");
        }
        for text in ["127.0.0.1:8080", "[::1]:0", "127.9.9.9:1"] {
            Listen::try_from(text.to_owned()).unwrap();
        }
        assert!(Listen::try_from("localhost".to_owned()).is_err());
    }

    #[test]
    fn refuses_unknown_keys_and_values_out_of_range() {
        for (text, said) in [
            ("listn = \"127.0.0.1:1\"", "listn"),
            ("[limits]\nconnections = 0", "1 to 4096"),
            ("[limits]\nconnections = 99999999", "1 to 4096"),
            ("[limits]\nheader_timeout = 10", "string"),
            ("[stream]\nboxes_quality = 101", "30 to 100"),
            ("[stream]\nframe_rate = 0.0", "rate"),
        ] {
            let error = toml::from_str::<Settings>(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
