//! Temperatures, fans, supply voltage, and whether a Raspberry Pi holds itself back.

use super::page::{Kind, Page};
use super::probe::Probe;

const ZONES: &str = "/sys/class/thermal";
const MONITORS: &str = "/sys/class/hwmon";
const THROTTLED: &str = "/sys/devices/platform/soc/soc:firmware/get_throttled";

/// A thermal zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// `0` of `thermal_zone0`.
    pub number: String,
    /// `cpu-thermal`.
    pub kind: String,
    /// Degrees Celsius.
    pub celsius: f64,
}

/// The thermal zones that give a temperature.
#[must_use]
pub fn zones(probe: &dyn Probe) -> Vec<Zone> {
    let names = probe.names(ZONES).into_iter();
    names
        .filter_map(|name| {
            let number = name.strip_prefix("thermal_zone")?;
            Some(Zone {
                number: number.to_owned(),
                kind: word(probe, &format!("{ZONES}/{name}/type"))?,
                celsius: thousandth(probe, &format!("{ZONES}/{name}/temp"))?,
            })
        })
        .collect()
}

/// The bits of the Pi's firmware: why it holds back now, and why it did since it started.
pub const REASONS: [(u32, &str, &str); 8] = [
    (0, "undervoltage", "now"),
    (1, "frequency-capped", "now"),
    (2, "throttled", "now"),
    (3, "soft-temperature-limit", "now"),
    (16, "undervoltage", "since-boot"),
    (17, "frequency-capped", "since-boot"),
    (18, "throttled", "since-boot"),
    (19, "soft-temperature-limit", "since-boot"),
];

/// The bits by [`REASONS`], on a Raspberry Pi.
#[must_use]
pub fn throttled(probe: &dyn Probe) -> Option<u32> {
    bits(&probe.read(THROTTLED)?)
}

/// `50005` or `0x50005`.
fn bits(text: &str) -> Option<u32> {
    let text = text.trim();
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    let mut family = page.family(
        "node_thermal_zone_temp",
        Kind::Gauge,
        "Zone temperature in Celsius",
    );
    for zone in zones(probe) {
        family.put(
            &[("type", &zone.kind), ("zone", &zone.number)],
            zone.celsius,
        );
    }
    write_coolers(probe, page);
    write_monitors(probe, page);
    if let Some(bits) = throttled(probe) {
        let help =
            "Why the firmware of a Raspberry Pi holds it back. Bad when 1: a weak supply, or heat.";
        let mut family = page.family("vigla_metrics_firmware_throttled", Kind::Gauge, help);
        for (bit, reason, when) in REASONS {
            family.put(&[("reason", reason), ("when", when)], bits >> bit & 1);
        }
    }
}

/// A cooling device: number, kind, and the states it is in and could be in.
type Cooler = (String, String, [Option<i64>; 2]);

fn write_coolers(probe: &dyn Probe, page: &mut Page) {
    let coolers: Vec<Cooler> = probe
        .names(ZONES)
        .into_iter()
        .filter_map(|device| {
            let number = device.strip_prefix("cooling_device")?.to_owned();
            let kind = word(probe, &format!("{ZONES}/{device}/type"))?;
            let state = |file| {
                word(probe, &format!("{ZONES}/{device}/{file}"))?
                    .parse()
                    .ok()
            };
            Some((number, kind, ["cur_state", "max_state"].map(state)))
        })
        .collect();
    for (i, (name, help)) in [
        (
            "node_cooling_device_cur_state",
            "Current throttle state of the cooling device",
        ),
        (
            "node_cooling_device_max_state",
            "Maximum throttle state of the cooling device",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut family = page.family(name, Kind::Gauge, help);
        for (number, kind, states) in &coolers {
            if let Some(state) = states[i] {
                family.put(&[("name", number), ("type", kind)], state);
            }
        }
    }
}

/// A hardware monitor: node-exporter's name for it, its own name, and its folder.
struct Chip {
    title: String,
    name: Option<String>,
    folder: String,
    files: Vec<String>,
}

fn chips(probe: &dyn Probe) -> Vec<Chip> {
    let monitors = probe.names(MONITORS).into_iter();
    monitors
        .map(|monitor| {
            let folder = format!("{MONITORS}/{monitor}");
            let name = word(probe, &format!("{folder}/name"));
            let device = probe
                .target(&format!("{folder}/device"))
                .and_then(|path| title(&path));
            let title = device
                .or_else(|| name.as_deref().map(clean))
                .unwrap_or(monitor);
            Chip {
                title,
                name,
                files: probe.names(&folder),
                folder,
            }
        })
        .collect()
}

/// The last two folders of a device: `soc:firmware_raspberrypi_hwmon`.
fn title(path: &str) -> Option<String> {
    let mut parts = path.rsplit('/').map(clean).filter(|part| !part.is_empty());
    let device = parts.next()?;
    Some(match parts.next() {
        Some(kind) => format!("{kind}_{device}"),
        None => device,
    })
}

fn clean(text: &str) -> String {
    let lower = text.trim().to_ascii_lowercase();
    let text = lower.replace(|c: char| !(c.is_ascii_alphanumeric() || c == ':'), "_");
    text.trim_matches('_').to_owned()
}

fn write_monitors(probe: &dyn Probe, page: &mut Page) {
    let chips = chips(probe);
    let help = "Annotation metric for human-readable chip names";
    let mut family = page.family("node_hwmon_chip_names", Kind::Gauge, help);
    for chip in &chips {
        if let Some(name) = &chip.name {
            family.put(&[("chip", &chip.title), ("chip_name", &clean(name))], 1);
        }
    }
    for (name, stem, end, help) in [
        (
            "node_hwmon_temp_celsius",
            "temp",
            "_input",
            "Hardware monitor for temperature (input)",
        ),
        (
            "node_hwmon_temp_crit_celsius",
            "temp",
            "_crit",
            "Hardware monitor for temperature (crit)",
        ),
        (
            "node_hwmon_in_volts",
            "in",
            "_input",
            "Hardware monitor for voltage (input)",
        ),
    ] {
        let mut family = page.family(name, Kind::Gauge, help);
        each(&chips, stem, end, |chip, sensor, path| {
            if let Some(value) = thousandth(probe, path) {
                family.put(&[("chip", chip), ("sensor", sensor)], value);
            }
        });
    }
    for (name, stem, end, help) in [
        (
            "node_hwmon_fan_rpm",
            "fan",
            "_input",
            "Hardware monitor for fan revolutions per minute (input)",
        ),
        (
            "node_hwmon_in_lcrit_alarm_volts",
            "in",
            "_lcrit_alarm",
            "Hardware monitor for voltage (lcrit_alarm)",
        ),
    ] {
        let mut family = page.family(name, Kind::Gauge, help);
        each(&chips, stem, end, |chip, sensor, path| {
            if let Some(value) = word(probe, path).and_then(|text| text.parse::<i64>().ok()) {
                family.put(&[("chip", chip), ("sensor", sensor)], value);
            }
        });
    }
}

/// Calls `put` with chip, sensor and path of each file such as `temp1_input`.
fn each(chips: &[Chip], stem: &str, end: &str, mut put: impl FnMut(&str, &str, &str)) {
    for chip in chips {
        for file in &chip.files {
            let Some(sensor) = file.strip_suffix(end) else {
                continue;
            };
            let number = sensor.strip_prefix(stem).unwrap_or_default();
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
                put(&chip.title, sensor, &format!("{}/{file}", chip.folder));
            }
        }
    }
}

/// Whether the supply voltage is too low, on boards that watch it.
#[must_use]
pub fn undervoltage(probe: &dyn Probe) -> Option<bool> {
    if let Some(bits) = throttled(probe) {
        return Some(bits & 1 == 1);
    }
    let mut low = None;
    each(&chips(probe), "in", "_lcrit_alarm", |_, _, path| {
        if let Some(alarm) = word(probe, path) {
            low = Some(low.unwrap_or(false) || alarm != "0");
        }
    });
    low
}

fn word(probe: &dyn Probe, path: &str) -> Option<String> {
    probe.read(path).map(|text| text.trim().to_owned())
}

#[allow(clippy::cast_precision_loss, reason = "no sensor gives 2^52")]
fn thousandth(probe: &dyn Probe, path: &str) -> Option<f64> {
    let value: i64 = word(probe, path)?.parse().ok()?;
    Some(value as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_named_as_node_exporter_does() {
        let path = "/sys/devices/platform/soc/soc:firmware/raspberrypi-hwmon";
        assert_eq!(title(path).unwrap(), "soc:firmware_raspberrypi_hwmon");
        let path = "/sys/devices/virtual/thermal/thermal_zone0";
        assert_eq!(title(path).unwrap(), "thermal_thermal_zone0");
    }

    #[test]
    fn reads_the_firmwares_bits_with_and_without_prefix() {
        assert_eq!(bits("50005\n"), Some(0x50005));
        assert_eq!(bits("0x0\n"), Some(0));
        assert_eq!(bits("fine"), None);
    }
}
