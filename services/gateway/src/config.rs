//! The gateway's settings; the manual is `dist/usr/lib/vigla/gateway.d/10-default.toml`.

use std::{fmt, net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use vigla_kit::{
    ConfigError, Locator,
    config::{DAY, HOUR, MINUTE, Rate, SECOND, Span, form},
};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the page is served.
    pub listen: Listen,
    /// Names of this node that the public DNS knows.
    pub names: Vec<String>,
    /// Whether everybody who reaches the port sees everything.
    pub open: bool,
    /// What `vigla-site` found in the owner's file.
    pub site: PathBuf,
    /// HTTPS.
    pub tls: Tls,
    /// The log-in.
    pub login: Login,
    /// What a client may cost.
    pub limits: Limits,
    /// How pictures are sent.
    pub stream: Stream,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Listen(SocketAddr::from(([127, 0, 0, 1], 8080))),
            names: Vec::new(),
            open: false,
            site: PathBuf::from("/run/vigla/site.json"),
            tls: Tls::default(),
            login: Login::default(),
            limits: Limits::default(),
            stream: Stream::default(),
        }
    }
}

impl vigla_kit::Settings for Settings {
    fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        let empty = |path: &PathBuf| path.as_os_str().is_empty();
        match (empty(&self.tls.certificate), empty(&self.tls.key)) {
            (true, false) => Err(at.error("tls.key", "it needs `tls.certificate` beside it")),
            (false, true) => Err(at.error("tls.certificate", "it needs `tls.key` beside it")),
            _ if self.tls.port.get() == self.listen.0.port() => {
                Err(at.error("tls.port", "it is the port of `listen`: choose another"))
            }
            (false, false) => crate::tls::Tls::theirs(&self.tls, at).map(drop),
            _ => Ok(()),
        }
    }
}

/// HTTPS, served where `listen` is an address of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The port, at the address of `listen`.
    pub port: Port,
    /// The owner's certificate with its chain (PEM); empty for one of our own.
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            port: Port::new(8443).expect("8443 is a port"),
            certificate: PathBuf::new(),
            key: PathBuf::new(),
        }
    }
}

/// How long a log-in lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// A session ends when nothing was asked and nothing streamed for this time.
    pub idle: Span<MINUTE, { 30 * DAY }>,
    /// A session ends this long after its log-in, whatever it does.
    pub longest: Span<MINUTE, { 30 * DAY }>,
    /// File with the hash of the owner's password, taken while nobody has set one; empty: none.
    pub owner_file: PathBuf,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            idle: Span::from_millis(12 * HOUR),
            longest: Span::from_millis(30 * DAY),
            owner_file: PathBuf::new(),
        }
    }
}

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

/// An address to listen on. One that the network can reach asks for a log-in (see `door`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Listen(SocketAddr);

impl Listen {
    const FORM: &str = "an address of this machine and a port, like \"127.0.0.1:8080\", \
                        \"0.0.0.0:8080\" or \"[::]:8080\"";

    /// The address to bind.
    #[must_use]
    pub const fn address(self) -> SocketAddr {
        self.0
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub const fn is_loopback(self) -> bool {
        self.0.ip().is_loopback()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let address = text.parse().map(Self);
        address.map_err(|_| format!("`{text}` is not {}", Self::FORM))
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
    /// A port, 1..=65535.
    pub Port(u16) = 1..=65535, "a port"
}

vigla_kit::whole! {
    /// A JPEG quality, 30..=100.
    pub Quality(u8) = 30..=100, "a JPEG quality"
}

#[cfg(test)]
mod tests;
