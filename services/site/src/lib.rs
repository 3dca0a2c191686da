//! The owner's `vigla.toml`: what a node is called, its Wi-Fi, its cameras, where its counts go.
//!
//! ```text
//!  card (FAT): vigla.toml ──► read ──► Site ──► apply ──► /etc: host name, network, time, ssh, settings of services
//!                              │                  │
//!                              └─ mistakes ───────┴──► report ──► card: vigla-report.txt, and the console
//! ```
//!
//! [`read`] takes everything that is valid and lists the rest with line and next step; it is pure, and
//! `cargo xtask flash` calls it before a card is written. What a node does with the result is behind
//! the feature `device`: [`apply`] once for each change of the file, as root, before anything else
//! starts, and [`report`]. The manual of the file is `dist/usr/share/vigla/vigla.toml`.
//!
//! Not here: changes that the owner makes later on the node. An unchanged file is never applied again.

mod bytes;
mod mistake;
mod parts;
mod secret;
mod site;
mod table;

#[cfg(feature = "device")]
pub mod apply;
#[cfg(feature = "device")]
pub mod machine;
#[cfg(feature = "device")]
pub mod report;
#[cfg(feature = "device")]
pub mod reset;

pub use bytes::LARGEST;
pub use mistake::Mistake;
pub use parts::Zones;
pub use secret::Secret;
pub use site::{Camera, Key, Login, Mqtt, Network, Site, Wifi, WifiNetwork, read};

/// What the file is called, on the card.
pub const FILE: &str = "vigla.toml";
