//! The settings of `updater.d`: download, feed, sticks, window, gate.

mod values;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vigla_kit::config::{DAY, HOUR, MINUTE, SECOND, Span};
use vigla_kit::{ConfigError, Locator};

use crate::window;
pub use values::{Address, Automatic, Bytes, Clock, Days};

/// The settings. `dist/usr/lib/vigla/updater.d/10-default.toml` is the manual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The lock of whoever enrols this node.
    pub busy_lock: PathBuf,
    /// Where USB sticks are mounted, a folder each.
    pub sticks: PathBuf,
    /// Where a restart is asked for.
    pub restart_requests: PathBuf,
    /// Where a factory reset is asked for.
    pub reset_requests: PathBuf,
    /// Bundles from the network.
    pub download: Download,
    /// The release feed.
    pub feed: Feed,
    /// The maintenance window.
    pub window: Window,
    /// The mission gate.
    pub gate: Gate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            busy_lock: PathBuf::from("/run/vigla/enrolment/busy"),
            sticks: PathBuf::from("/run/vigla/sticks"),
            restart_requests: PathBuf::from("/run/vigla/act/reboot"),
            reset_requests: PathBuf::from("/run/vigla/act/reset"),
            download: Download::default(),
            feed: Feed::default(),
            window: Window::default(),
            gate: Gate::default(),
        }
    }
}

/// Bundles from the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Download {
    /// Authorities that may vouch for a server; empty: those of the system.
    pub ca_file: PathBuf,
    /// Room that is left free.
    pub reserve_bytes: Bytes,
    /// Given up when nothing came for so long.
    pub patience: Span<SECOND, DAY>,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            ca_file: PathBuf::new(),
            reserve_bytes: Bytes::new(64 << 20),
            patience: Span::from_millis(10 * MINUTE),
        }
    }
}

/// The release feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feed {
    /// Where it is; empty: there is none.
    pub url: Address,
    /// Folder with the public keys that may sign it.
    pub keys: PathBuf,
    /// How often it is asked.
    pub every: Span<MINUTE, { 30 * DAY }>,
    /// What is done by itself.
    pub automatic: Automatic,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            url: Address::default(),
            keys: PathBuf::from("/usr/share/vigla/feed-keys"),
            every: Span::from_millis(6 * HOUR),
            automatic: Automatic::Check,
        }
    }
}

/// The maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Window {
    /// Days on which it begins.
    pub days: Days,
    /// When it begins.
    pub from: Clock,
    /// When it ends.
    pub to: Clock,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            days: Days::all(),
            from: Clock::hour(2),
            to: Clock::hour(4),
        }
    }
}

impl Window {
    /// As the rest of this crate asks it.
    #[must_use]
    pub fn get(&self) -> window::Window {
        window::Window {
            days: self.days.get(),
            from: self.from.get(),
            to: self.to.get(),
        }
    }
}

/// The mission gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// How long everything may take to work, from the gate's start.
    pub deadline: Span<SECOND, HOUR>,
    /// What must answer.
    pub page: Address,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            deadline: Span::from_millis(5 * MINUTE),
            page: Address::fixed("http://127.0.0.1:8080/"),
        }
    }
}

impl vigla_kit::Settings for Settings {
    fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        if self.feed.automatic == Automatic::Install && self.window.days.get().is_empty() {
            return Err(at.error(
                "window.days",
                "the window never opens: name a day, or set `automatic` to \"check\"",
            ));
        }
        Ok(())
    }
}
