//! The settings of `metrics.d`: the broker, which topics, how much may wait.

mod values;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vigla_kit::config::Span;
use vigla_kit::{ConfigError, Locator};

use crate::hold::{self, Keep};
use crate::queue::Limits;
pub use values::{Address, Level};

/// The settings. `dist/usr/lib/vigla/metrics.d/10-default.toml` is the manual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the MQTT broker listens.
    pub broker: Address,
    /// Whom we say we are; empty: nobody.
    pub user: String,
    /// File with the password, read at each attempt; empty: no password.
    pub password_file: PathBuf,
    /// A silent connection is probed after this time.
    pub keep_alive: Span,
    /// Longest wait between two attempts to connect.
    pub longest_wait: Span,
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            broker: Address {
                host: String::from("localhost"),
                port: 1883,
            },
            user: String::new(),
            password_file: PathBuf::new(),
            keep_alive: Span::from_secs(30),
            longest_wait: Span::from_secs(30),
            topics: OwnTopics::default(),
            legacy: Legacy::default(),
            discovery: Discovery::default(),
            hold: Holding::default(),
            queue: Queueing::default(),
            gather: Gathering::default(),
        }
    }
}

/// Which of our own topics are published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnTopics {
    /// Counts of each camera, once a second.
    pub counts: bool,
    /// Everything in view, when something happened.
    pub detections: bool,
    /// Each event.
    pub events: bool,
}

impl Default for OwnTopics {
    fn default() -> Self {
        Self {
            counts: true,
            detections: true,
            events: true,
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

/// What is kept in memory while the broker is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Holding {
    /// Most messages, at least [`Holding::FEWEST`].
    pub messages: usize,
    /// Most bytes.
    pub bytes: usize,
}

impl Holding {
    /// Below this the messages that are under way alone could fill the hold.
    pub const FEWEST: usize = 100;
    /// Largest single message in bytes: what common brokers take by default is far more.
    pub const LARGEST: usize = 128 << 10;

    /// As the hold wants it.
    #[must_use]
    pub const fn limits(self) -> hold::Limits {
        hold::Limits {
            messages: self.messages,
            bytes: self.bytes,
            largest: Self::LARGEST,
        }
    }
}

impl Default for Holding {
    fn default() -> Self {
        Self {
            messages: 5000,
            bytes: 4 << 20,
        }
    }
}

/// What is kept on disk until the broker has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queueing {
    /// Most bytes on disk.
    pub bytes: u64,
    /// Longest wait of a message.
    pub age: Span,
    /// Who stays when not all can.
    pub keep: Keep,
}

impl Queueing {
    /// Bytes of a segment: room is made, and files are removed, in steps of this.
    pub const SEGMENT: u64 = 256 << 10;
    /// Fewest bytes on disk.
    pub const FEWEST: u64 = 8 * Self::SEGMENT;

    /// As the queue wants it.
    #[must_use]
    pub const fn limits(self) -> Limits {
        Limits {
            bytes: self.bytes,
            segment: Self::SEGMENT,
            largest: Holding::LARGEST,
            age: self.age.get(),
            keep: self.keep,
        }
    }
}

impl Default for Queueing {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            age: Span::from_secs(7 * 24 * 3600),
            keep: Keep::Newest,
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
    pub patience: Span,
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
        let second = std::time::Duration::from_secs(1);
        if self.keep_alive.get() < second || self.keep_alive.get().as_secs() > u64::from(u16::MAX) {
            return Err(at.error("keep_alive", "must be \"1s\" to \"18h\""));
        }
        if self.longest_wait.get() < second {
            return Err(at.error("longest_wait", "must be at least \"1s\""));
        }
        if self.user.is_empty() && !self.password_file.as_os_str().is_empty() {
            return Err(at.error("password_file", "needs `user` too"));
        }
        if self.hold.messages < Holding::FEWEST {
            let message = format!("must be at least {}", Holding::FEWEST);
            return Err(at.error("hold.messages", message));
        }
        if self.hold.bytes < Holding::LARGEST {
            let message = format!("must be at least {}", Holding::LARGEST);
            return Err(at.error("hold.bytes", message));
        }
        if self.queue.bytes < Queueing::FEWEST {
            let message = format!("must be at least {}", Queueing::FEWEST);
            return Err(at.error("queue.bytes", message));
        }
        if self.queue.age.get() < std::time::Duration::from_mins(1) {
            return Err(at.error("queue.age", "must be at least \"1m\""));
        }
        let empty = self.legacy.labels.iter().position(String::is_empty);
        match empty {
            Some(i) => Err(at.error(&format!("legacy.labels.{i}"), "a label is not empty")),
            None => Ok(()),
        }
    }
}
