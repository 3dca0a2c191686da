//! What health is judged by, taken from the machine.

use crate::host::{Probe, filesystems, memory, warmth};

use super::wear;

/// The figures of one moment. Empty, or `None`: this machine does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Mountpoint, and the share of its space that is used, 0 to 1.
    pub disks: Vec<(String, f64)>,
    /// Share of the memory that programs may still have, 0 to 1.
    pub memory: Option<f64>,
    /// Temperatures.
    pub zones: Vec<warmth::Zone>,
    /// Why the firmware of a Raspberry Pi holds it back: bits of [`warmth::REASONS`].
    pub throttled: Option<u32>,
    /// Whether the supply voltage is too low.
    pub undervoltage: Option<bool>,
    /// Whether a time service keeps the clock.
    pub synced: Option<bool>,
    /// Disk, and the days it will last at this rate.
    pub cards: Vec<(String, f64)>,
    /// Service, and the bytes it writes to disks a day.
    pub writes: Vec<(&'static str, f64)>,
}

impl Figures {
    /// Looks at the machine; `endurance` is what a card without a meter of its own can take in bytes. `writes` is left
    /// to who counts them.
    #[must_use]
    pub fn take(probe: &dyn Probe, endurance: Option<u64>) -> Self {
        let meminfo = probe.read("/proc/meminfo").unwrap_or_default();
        let total = memory::bytes(&meminfo, "MemTotal");
        let available = memory::bytes(&meminfo, "MemAvailable");
        let wears = wear::wears(probe).into_iter();
        Self {
            disks: disks(probe),
            memory: total
                .zip(available)
                .and_then(|(total, left)| share(left, total)),
            zones: warmth::zones(probe),
            throttled: warmth::throttled(probe),
            undervoltage: warmth::undervoltage(probe),
            synced: probe.time().map(|time| time.synced),
            cards: wears
                .filter_map(|wear| Some((wear.disk.clone(), wear.days_left(endurance)?)))
                .collect(),
            writes: Vec::new(),
        }
    }
}

/// As `df` shows it: what is used of what others than root may use. What is read-only is full on purpose.
fn disks(probe: &dyn Probe) -> Vec<(String, f64)> {
    let spaces = filesystems::spaces(probe).into_iter();
    spaces
        .filter(|(mount, _)| !mount.readonly)
        .filter_map(|(mount, space)| {
            let space = space?;
            let used = space.size.saturating_sub(space.free);
            Some((
                mount.point,
                share(used, used.saturating_add(space.available))?,
            ))
        })
        .collect()
}

#[allow(clippy::cast_precision_loss, reason = "a share needs no 53 bits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
