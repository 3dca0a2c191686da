//! `org.vigla.Metrics1`: what leaves the device, and the account of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zbus::{OwnedVariant, Type, Variant};

/// The interface of the root object.
pub const INTERFACE: &str = "org.vigla.Metrics1";

/// Where one sink stands. `accepted = sent + stored + dropped`, and `dropped` is the sum of
/// `dropped_by`, always.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant,
)]
pub struct Sink {
    /// Name in the configuration (`mqtt`).
    pub name: String,
    /// `connected`, `connecting` or `refused`.
    pub state: String,
    /// Messages handed to this sink since its queue exists.
    pub accepted: u64,
    /// Messages the peer acknowledged.
    pub sent: u64,
    /// Messages waiting.
    pub stored: u64,
    /// Messages given up, whatever the reason.
    pub dropped: u64,
    /// The same by reason: `full`, `too-big`, `old`, `damaged`, `refused`, `unknown`; each is present, also with 0.
    pub dropped_by: BTreeMap<String, u64>,
    /// Bytes that the queue takes on disk.
    pub bytes: u64,
    /// How long the oldest message on disk has waited, in seconds of running; 0 when none waits.
    pub oldest_secs: u32,
    /// Messages that are in memory alone, and would be lost with the daemon.
    pub in_memory: u64,
    /// Why nothing is written to disk (`the disk is full`); empty when all is well.
    pub trouble: String,
}

/// One thing that can go bad on the device. What the device does not tell of has no item.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type, Variant, OwnedVariant)]
pub struct HealthItem {
    /// `disk`: share of the space used. `memory`: share that programs may still have. `temperature`: degrees
    /// Celsius. `throttled`: bits of the firmware, 0 is well. `supply`: 1 when the voltage is too low. `clock`: 1
    /// when a time service keeps it. `card`: days it will last at this rate. `writes`: bytes a day.
    /// `last-run`: when it ended badly, in seconds since 1970.
    pub name: String,
    /// Mountpoint, thermal zone, disk or service; may be empty.
    pub subject: String,
    /// `good`, `bad` (then it is a problem too), or `notice`: worth knowing, and degrades nothing.
    pub state: String,
    /// How it is, in the unit of its name.
    pub value: f64,
    /// From where on it is bad, in the same unit.
    pub limit: f64,
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

    /// How the device is, looked at once a minute. Not signalled: what is bad is also in `Problems`.
    #[zbus(property(emits_changed_signal = "false"))]
    fn health(&self) -> zbus::Result<Vec<HealthItem>>;

    /// The last minute before the last run ended badly, as JSON; `{}` when no run has.
    fn black_box(&self) -> zbus::Result<String>;

    /// All metrics of all daemons of this node, in the Prometheus text format, as one page.
    fn gather(&self) -> zbus::Result<String>;
}
