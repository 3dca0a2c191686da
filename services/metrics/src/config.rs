//! The settings of `metrics.d`: the broker, which topics, how much may wait.

mod health;
mod keeping;
mod security;
mod values;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vigla_kit::config::{HOUR, MINUTE, SECOND, Span};
use vigla_kit::{ConfigError, Locator};

pub use health::Health;
pub use keeping::{Bytes, DiskBytes, Holding, Messages, Queueing};
pub use security::{Protocol, Tls};
pub use values::{Address, Level};

/// The settings. `dist/usr/lib/vigla/metrics.d/10-default.toml` is the manual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the MQTT broker listens.
    pub broker: Address,
    /// The version of MQTT that we speak.
    pub protocol: Protocol,
    /// Whether the broker keeps our subscription while we are away.
    pub persistent_session: bool,
    /// Whom we say we are; empty: nobody.
    pub user: String,
    /// File with the password, read at each attempt; empty: no password.
    pub password_file: PathBuf,
    /// A silent connection is probed after this time.
    pub keep_alive: Span<SECOND, { 18 * HOUR }>,
    /// Longest wait between two attempts to connect.
    pub longest_wait: Span<SECOND, HOUR>,
    /// Encryption, and who proves what to whom.
    pub tls: Tls,
    /// Our own topics, `vigla/v1/...`.
    pub topics: OwnTopics,
    /// The topics of the old demo.
    pub legacy: Legacy,
    /// Sensors that appear in Home Assistant by themselves.
    pub discovery: Discovery,
    /// What is kept while the broker is away.
    pub hold: Holding,
    /// What is kept on disk.
    pub queue: Queueing,
    /// The page of all metrics.
    pub gather: Gathering,
    /// When the device is not well.
    pub health: Health,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            broker: Address {
                host: String::from("localhost"),
                port: 1883,
            },
            protocol: Protocol::default(),
            persistent_session: false,
            user: String::new(),
            password_file: PathBuf::new(),
            keep_alive: Span::from_secs(30),
            longest_wait: Span::from_secs(30),
            tls: Tls::default(),
            topics: OwnTopics::default(),
            legacy: Legacy::default(),
            discovery: Discovery::default(),
            hold: Holding::default(),
            queue: Queueing::default(),
            gather: Gathering::default(),
            health: Health::default(),
        }
    }
}

/// Which of our own topics are published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a switch for each family of topics"
)]
pub struct OwnTopics {
    /// Counts of each camera, once a second.
    pub counts: bool,
    /// Everything in view, when something happened.
    pub detections: bool,
    /// Each event.
    pub events: bool,
    /// What happened to the slots.
    pub updates: bool,
}

impl Default for OwnTopics {
    fn default() -> Self {
        Self {
            counts: true,
            detections: true,
            events: true,
            updates: true,
        }
    }
}

/// The topics of the old demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Legacy {
    /// Whether they are published.
    pub enabled: bool,
    /// Their first level.
    pub prefix: Level,
    /// Labels with a counter each.
    pub labels: Vec<String>,
}

impl Default for Legacy {
    fn default() -> Self {
        let labels = ["car", "person"].map(String::from).to_vec();
        Self {
            enabled: true,
            prefix: Level::fixed("demo"),
            labels,
        }
    }
}

/// Home Assistant discovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// Whether the documents are published.
    pub enabled: bool,
    /// First level of their topics, as set in Home Assistant.
    pub prefix: Level,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            enabled: true,
            prefix: Level::fixed("homeassistant"),
        }
    }
}

/// The page of all metrics of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gathering {
    /// Folder with a folder per service, each with its `metrics.sock`.
    pub sockets: PathBuf,
    /// A service that answers later than this is left out.
    pub patience: Span<10, MINUTE>,
}

impl Default for Gathering {
    fn default() -> Self {
        Self {
            sockets: PathBuf::from("/run/vigla"),
            patience: Span::from_secs(1),
        }
    }
}

impl vigla_kit::Settings for Settings {
    fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        if self.user.is_empty() && !self.password_file.as_os_str().is_empty() {
            return Err(at.error("password_file", "needs `user` too"));
        }
        self.tls.check(at)?;
        let empty = self.legacy.labels.iter().position(String::is_empty);
        match empty {
            Some(i) => Err(at.error(&format!("legacy.labels.{i}"), "a label is not empty")),
            None => Ok(()),
        }
    }
}
