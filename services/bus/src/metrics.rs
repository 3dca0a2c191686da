//! `org.vigla.Metrics1`: what leaves the device, and the account of it.

use serde::{Deserialize, Serialize};
use zbus::{OwnedVariant, Type, Variant};

/// The interface of the root object.
pub const INTERFACE: &str = "org.vigla.Metrics1";

/// Where one sink stands. `accepted = sent + stored + dropped`, always.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant,
)]
pub struct Sink {
    /// Name in the configuration (`mqtt`).
    pub name: String,
    /// `connected`, `connecting` or `refused`.
    pub state: String,
    /// Messages handed to this sink since the daemon started.
    pub accepted: u64,
    /// Messages the peer acknowledged.
    pub sent: u64,
    /// Messages waiting.
    pub stored: u64,
    /// Messages dropped (full, too old).
    pub dropped: u64,
}

/// The metrics daemon.
#[zbus::proxy(
    interface = "org.vigla.Metrics1",
    default_service = "org.vigla.Metrics1",
    default_path = "/org/vigla/Metrics1"
)]
pub trait Metrics {
    /// This node's id, `vigla-` and 12 hex digits until it is enrolled.
    #[zbus(property)]
    fn node_id(&self) -> zbus::Result<String>;

    /// The account of each sink. Not signalled: its numbers move fast.
    #[zbus(property(emits_changed_signal = "false"))]
    fn sinks(&self) -> zbus::Result<Vec<Sink>>;

    /// All metrics of all daemons of this node, in the Prometheus text format, as one page.
    fn gather(&self) -> zbus::Result<String>;
}
