//! How the device is: each thing that can go bad on it, and whether it has.
//!
//! Once a minute [`Figures`] are taken, [`assess`] makes items of them, and those that are bad become
//! problems, so that page, `viglactl` and log say them. An item that is a *notice* is shown and degrades nothing: a
//! node may well run without a time service, and every event says how far its time can be trusted.
//! A thing that this machine does not tell of has no item.

mod figures;
mod thrift;
mod watch;
pub mod wear;
pub mod writes;

use vigla_bus::Problem;
use vigla_bus::metrics::HealthItem;

pub use figures::Figures;
pub use thrift::Thrift;
pub use watch::Watch;

use crate::config::Health as Settings;

/// The problems that health may report.
pub const CODES: [&str; 7] = [
    "disk-full",
    "memory-low",
    "too-hot",
    "throttled",
    "undervoltage",
    "card-worn",
    "writes-over-budget",
];

/// The items of `figures`, by the bounds of `settings`.
#[must_use]
pub fn assess(figures: &Figures, settings: &Settings) -> Vec<HealthItem> {
    let mut items = Vec::new();
    let full = f64::from(settings.disk_percent.get()) / 100.0;
    for (mountpoint, used) in &figures.disks {
        items.push(item("disk", mountpoint, *used >= full, *used, full));
    }
    if let Some(left) = figures.memory {
        let least = f64::from(settings.memory_percent.get()) / 100.0;
        items.push(item("memory", "", left < least, left, least));
    }
    let hot = f64::from(settings.celsius.get());
    for zone in &figures.zones {
        items.push(item(
            "temperature",
            &zone.kind,
            zone.celsius >= hot,
            zone.celsius,
            hot,
        ));
    }
    // Undervoltage is the lowest bit of those that hold a Raspberry Pi back, and has its own item.
    if let Some(bits) = figures.throttled {
        let held = bits & 0b1110;
        items.push(item("throttled", "", held != 0, f64::from(held), 0.0));
    }
    if let Some(low) = figures.undervoltage {
        items.push(item("supply", "", low, f64::from(u8::from(low)), 0.0));
    }
    if let Some(synced) = figures.synced {
        let state = if synced { "good" } else { "notice" };
        items.push(HealthItem {
            state: state.to_owned(),
            ..item("clock", "", false, f64::from(u8::from(synced)), 1.0)
        });
    }
    let days = f64::from(settings.card_days.get());
    for (disk, left) in &figures.cards {
        items.push(item("card", disk, *left < days, *left, days));
    }
    let budget = settings.written_bytes_a_day.get();
    #[allow(
        clippy::cast_precision_loss,
        reason = "a budget of 2^53 bytes a day is none"
    )]
    let budget = budget as f64;
    for (service, a_day) in &figures.writes {
        items.push(item("writes", service, *a_day > budget, *a_day, budget));
    }
    items
}

fn item(name: &str, subject: &str, bad: bool, value: f64, limit: f64) -> HealthItem {
    HealthItem {
        name: name.to_owned(),
        subject: subject.to_owned(),
        state: if bad { "bad" } else { "good" }.to_owned(),
        value,
        limit,
    }
}

/// The problems among `items`.
#[must_use]
pub fn problems(items: &[HealthItem]) -> Vec<Problem> {
    let bad = items.iter().filter(|item| item.state == "bad");
    bad.filter_map(|item| {
        let code = match item.name.as_str() {
            "disk" => "disk-full",
            "memory" => "memory-low",
            "temperature" => "too-hot",
            "throttled" => "throttled",
            "supply" => "undervoltage",
            "card" => "card-worn",
            "writes" => "writes-over-budget",
            _ => return None,
        };
        Some(Problem::new(code, item.subject.clone()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::warmth::Zone;

    fn zone(celsius: f64) -> Zone {
        Zone {
            number: String::new(),
            kind: String::from("cpu-thermal"),
            celsius,
        }
    }

    #[test]
    fn each_bad_thing_is_a_problem_and_each_good_one_is_not() {
        let good = Figures {
            disks: vec![(String::from("/"), 0.89)],
            memory: Some(0.06),
            zones: vec![zone(79.9)],
            throttled: Some(0x000e_0001),
            undervoltage: Some(false),
            synced: Some(false),
            cards: vec![(String::from("mmcblk0"), 4000.0)],
            writes: vec![("vigla-metrics", 1e6)],
        };
        let items = assess(&good, &Settings::default());
        assert_eq!(items.len(), 8);
        assert_eq!(problems(&items), []);
        assert_eq!(
            items.iter().filter(|item| item.state == "notice").count(),
            1
        );

        let bad = Figures {
            disks: vec![(String::from("/"), 0.9)],
            memory: Some(0.04),
            zones: vec![zone(80.0)],
            throttled: Some(4),
            undervoltage: Some(true),
            synced: Some(true),
            cards: vec![(String::from("mmcblk0"), 100.0)],
            writes: vec![("vigla-metrics", 1e12)],
        };
        let problems = problems(&assess(&bad, &Settings::default()));
        let codes: Vec<_> = problems
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, CODES);
        assert!(problems.iter().all(|problem| !problem.fix().is_empty()));
    }

    #[test]
    fn what_a_machine_does_not_tell_is_no_item() {
        assert_eq!(assess(&Figures::default(), &Settings::default()), []);
    }
}
