//! The gateway's settings; the manual is `dist/usr/lib/vigla/gateway.d/10-default.toml`.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Deserializer, Serialize};
use vigla_kit::config::{HOUR, MINUTE, Rate, SECOND, Span, form};

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
    pub header_timeout: Span<100, { 10 * MINUTE }>,
    /// Longest time without a byte taken by a client that we have data for.
    pub write_stall: Span<SECOND, { 10 * MINUTE }>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: Count::new(256).expect("256 is in range"),
            connections_per_address: Count::new(128).expect("128 is in range"),
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
    pub rotate: Span<SECOND, HOUR>,
    /// JPEG quality of pictures with boxes burned in.
    pub boxes_quality: Quality,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            frame_rate: Rate::new(30.0).expect("30 is a rate"),
            rotate: Span::from_secs(5),
            boxes_quality: Quality::new(85).expect("85 is in range"),
        }
    }
}

/// An address on this machine only.
///
/// Another one is refused: without a log-in the pictures would be open to the
/// whole network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Listen(SocketAddr);

impl Listen {
    /// The address to bind.
    #[must_use]
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

impl Listen {
    const FORM: &str =
        "an address of this machine and a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"";

    fn parse(text: &str) -> Result<Self, String> {
        let address: SocketAddr = text
            .parse()
            .map_err(|_| format!("`{text}` is not {}", Self::FORM))?;
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

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        form::text(from, Self::FORM, Self::parse)
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

vigla_kit::whole! {
    /// A number of connections, 1..=4096.
    pub Count(u16) = 1..=4096, "a number of connections"
}

vigla_kit::whole! {
    /// A JPEG quality, 30..=100.
    pub Quality(u8) = 30..=100, "a JPEG quality"
}

#[cfg(test)]
mod tests;
