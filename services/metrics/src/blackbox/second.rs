//! One second: how the machine was, and what happened.

use serde::{Deserialize, Serialize};

use crate::host::cpu::{Stat, load};
use crate::host::{Machine, Probe, memory, warmth};

/// A second of the black box.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// When, microseconds since the epoch.
    pub time_usec: u64,
    /// When, microseconds since boot.
    pub mono_usec: u64,
    /// Share of all cores that worked, 0 to 1.
    pub cpu: f32,
    /// Load of the last minute.
    pub load: f32,
    /// Memory that programs may still have, in MB.
    pub memory_mb: u32,
    /// The hottest zone, in degrees Celsius; absent when the machine has no sensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub celsius: Option<f32>,
    /// Messages that wait.
    pub stored: u64,
    /// Cameras that are counted.
    pub cameras: u32,
    /// Events and new problems.
    pub notes: Vec<String>,
}

/// Reads the figures of a second; the first one has no CPU.
#[derive(Debug, Default)]
pub struct Meter {
    machine: Machine,
    before: Option<(f64, f64)>,
}

impl Meter {
    /// Fills in how the machine is. Only files of the kernel, which never wait.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "shares and degrees, for people"
    )]
    pub fn read(&mut self, second: &mut Second) {
        if let Some(text) = self.machine.read("/proc/stat") {
            let now = Stat::parse(&text).busy();
            let (busy, all) = self
                .before
                .map_or((0.0, 0.0), |old| (now.0 - old.0, now.1 - old.1));
            second.cpu = if all > 0.0 { rounded(busy / all) } else { 0.0 };
            self.before = Some(now);
        }
        if let Some(text) = self.machine.read("/proc/loadavg") {
            second.load = rounded(load(&text).next().unwrap_or_default());
        }
        if let Some(text) = self.machine.read("/proc/meminfo") {
            let bytes = memory::bytes(&text, "MemAvailable").unwrap_or_default();
            second.memory_mb = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        }
        let zones = warmth::zones(&self.machine);
        second.celsius = zones
            .iter()
            .map(|zone| rounded(zone.celsius))
            .reduce(f32::max);
    }
}

#[allow(clippy::cast_possible_truncation, reason = "for people")]
fn rounded(value: f64) -> f32 {
    ((value * 1000.0).round() / 1000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_sensor_says_no_temperature() {
        let cold = serde_json::to_value(Second::default()).unwrap();
        assert_eq!(cold.get("celsius"), None);
        let read: Second = serde_json::from_value(cold).unwrap();
        assert_eq!(read.celsius, None);
    }
}
