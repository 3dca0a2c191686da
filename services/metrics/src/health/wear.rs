//! How long a card will last: what was written to it, what is written a day, and what it can take.
//!
//! What it can take comes from the settings, or is worked out from the share of its life that an eMMC says
//! it has used. What was written in all is kept by ext4 itself, so it is known after a restart too.

use crate::host::Probe;
use crate::host::disks::SECTOR;

/// A shorter time says nothing about a day.
const LEAST_SECONDS: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// What a disk says of its wear.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wear {
    /// `mmcblk0`.
    pub disk: String,
    /// Bytes written to its file systems since they were made.
    pub written: Option<u64>,
    /// Bytes written a day, at the rate since the machine started.
    pub a_day: Option<f64>,
    /// Share of its life that it says it has used, 0.1 to 1.1 in steps of 0.1.
    pub used: Option<f64>,
}

impl Wear {
    /// Days until it can take no more; `endurance` is the number of bytes it can take in all, if known. `None`: nobody
    /// can say.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a forecast")]
    pub fn days_left(&self, endurance: Option<u64>) -> Option<f64> {
        let (written, a_day) = (self.written? as f64, self.a_day?);
        let all = match (endurance, self.used) {
            (Some(endurance), _) => endurance as f64,
            (None, Some(used)) if used > 0.0 => written / used,
            (None, _) => return None,
        };
        // A thousand years are enough, and a disk that is never written to lasts as long.
        let most = 365_000.0;
        if a_day <= 0.0 {
            return Some(most);
        }
        Some(((all - written) / a_day).clamp(0.0, most))
    }
}

/// Every disk that may wear out.
#[must_use]
pub fn wears(probe: &dyn Probe) -> Vec<Wear> {
    let uptime = probe.read("/proc/uptime").unwrap_or_default();
    let uptime = uptime.split(' ').next().and_then(|word| word.parse().ok());
    let disks = probe.names("/sys/block").into_iter();
    disks
        .filter(|disk| {
            ["mmcblk", "sd", "nvme", "vd"]
                .iter()
                .any(|start| disk.starts_with(start))
        })
        .filter(|disk| !disk.contains("boot") && !disk.contains("rpmb"))
        .map(|disk| Wear {
            written: lifetime(probe, &disk),
            a_day: uptime.and_then(|seconds| a_day(written(probe, &disk)?, seconds)),
            used: probe
                .read(&format!("/sys/block/{disk}/device/life_time"))
                .and_then(|text| life(&text)),
            disk,
        })
        .collect()
}

/// `bytes` in `seconds` as bytes a day.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a rate")]
pub fn a_day(bytes: u64, seconds: f64) -> Option<f64> {
    (seconds >= LEAST_SECONDS).then(|| bytes as f64 / seconds * DAY)
}

/// Bytes written to `disk` since the machine started.
fn written(probe: &dyn Probe, disk: &str) -> Option<u64> {
    let text = probe.read(&format!("/sys/block/{disk}/stat"))?;
    let sectors: u64 = text.split_ascii_whitespace().nth(6)?.parse().ok()?;
    sectors.checked_mul(SECTOR)
}

/// Bytes written to the file systems on `disk` since they were made, where they are ext4.
fn lifetime(probe: &dyn Probe, disk: &str) -> Option<u64> {
    let parts = probe
        .names("/sys/fs/ext4")
        .into_iter()
        .filter(|part| part.starts_with(disk));
    let kilobytes = parts.filter_map(|part| {
        let text = probe.read(&format!("/sys/fs/ext4/{part}/lifetime_write_kbytes"))?;
        text.trim().parse::<u64>().ok()?.checked_mul(1024)
    });
    kilobytes.reduce(u64::saturating_add)
}

/// `0x02 0x01`: the two kinds of memory of an eMMC, each in steps of a tenth; the worse one counts.
fn life(text: &str) -> Option<f64> {
    let steps = text.split_ascii_whitespace().filter_map(|word| {
        let step = u8::from_str_radix(word.strip_prefix("0x")?, 16).ok()?;
        (1..=11).contains(&step).then_some(step)
    });
    steps.max().map(|step| f64::from(step) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wear(written: u64, a_day: f64, used: Option<f64>) -> Wear {
        Wear {
            disk: String::from("mmcblk0"),
            written: Some(written),
            a_day: Some(a_day),
            used,
        }
    }

    #[test]
    fn forecasts_from_endurance_or_from_the_life_used() {
        let gb = 1_000_000_000;
        let near = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 0.001);
        assert!(near(
            wear(10 * gb, 1e9, None).days_left(Some(110 * gb)),
            100.0
        ));
        assert!(near(wear(10 * gb, 1e9, Some(0.2)).days_left(None), 40.0));
        assert!(near(
            wear(10 * gb, 0.0, Some(0.2)).days_left(None),
            365_000.0
        ));
        assert!(near(wear(10 * gb, 1e9, None).days_left(Some(gb)), 0.0));
        assert_eq!(wear(10 * gb, 1e9, None).days_left(None), None);
        assert_eq!(Wear::default().days_left(Some(gb)), None);
    }

    #[test]
    fn reads_the_steps_of_an_emmc() {
        for (text, expected) in [
            ("0x02 0x01\n", Some(0.2)),
            ("0x00 0x00", None),
            ("x", None),
            ("0x0b 0x01", Some(1.1)),
            ("0xff", None),
        ] {
            assert_eq!(life(text), expected, "{text}");
        }
        assert_eq!(a_day(1, 60.0), None);
        assert_eq!(a_day(1000, 43_200.0), Some(2000.0));
    }
}
