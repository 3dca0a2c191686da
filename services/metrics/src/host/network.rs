//! `/proc/net/dev` and `/sys/class/net`: what went over each interface, and how it stands.

use super::page::{Kind, Page};
use super::probe::Probe;

/// The columns of `/proc/net/dev`.
const COLUMNS: [&str; 16] = [
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
];
const FOLDER: &str = "/sys/class/net";

/// The interfaces of `/proc/net/dev`, without the loopback.
pub fn interfaces(text: &str) -> impl Iterator<Item = (&str, [u64; 16])> {
    text.lines().skip(2).filter_map(|line| {
        let (name, rest) = line.rsplit_once(':')?;
        let mut numbers = [0; 16];
        let mut words = rest.split_ascii_whitespace();
        for number in &mut numbers {
            *number = words.next()?.parse().ok()?;
        }
        let name = name.trim();
        (name != "lo" && !name.is_empty()).then_some((name, numbers))
    })
}

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    let text = probe.read("/proc/net/dev").unwrap_or_default();
    let interfaces: Vec<_> = interfaces(&text).collect();
    for (i, column) in COLUMNS.iter().enumerate() {
        let name = format!("node_network_{column}_total");
        let help = format!("Network device statistic {column}.");
        let mut family = page.family(&name, Kind::Counter, &help);
        for (device, numbers) in &interfaces {
            family.put(&[("device", device)], numbers[i]);
        }
    }
    let links: Vec<_> = probe
        .names(FOLDER)
        .into_iter()
        .filter_map(|device| Link::read(probe, device))
        .collect();
    write_states(&links, page);
    write_numbers(&links, page);
}

/// What names an interface, in the order of the labels of `node_network_info`, `device` left out.
const WORDS: [&str; 5] = ["address", "broadcast", "duplex", "ifalias", "operstate"];
/// Bytes a second of a megabit a second.
const MEGABIT: u64 = 125_000;
/// Files with numbers, and their metrics.
const NUMBERS: [(&str, &str, u64, Kind); 5] = [
    ("carrier", "node_network_carrier", 1, Kind::Gauge),
    (
        "carrier_changes",
        "node_network_carrier_changes_total",
        1,
        Kind::Counter,
    ),
    ("mtu", "node_network_mtu_bytes", 1, Kind::Gauge),
    ("speed", "node_network_speed_bytes", MEGABIT, Kind::Gauge),
    (
        "tx_queue_len",
        "node_network_transmit_queue_length",
        1,
        Kind::Gauge,
    ),
];

/// How an interface stands.
#[derive(Debug)]
struct Link {
    device: String,
    words: [String; 5],
    numbers: [Option<u64>; 5],
}

impl Link {
    fn read(probe: &dyn Probe, device: String) -> Option<Self> {
        let text = |file: &str| {
            let text = probe.read(&format!("{FOLDER}/{device}/{file}"));
            text.map(|text| text.trim().to_owned())
        };
        let words = WORDS.map(text);
        // Files such as `bonding_masters` stand beside the interfaces.
        words[4].as_ref()?;
        // A speed that is not known is -1, and refused here: it is no number of bytes.
        let numbers = NUMBERS.map(|(file, ..)| text(file)?.parse().ok());
        Some(Self {
            device,
            words: words.map(Option::unwrap_or_default),
            numbers,
        })
    }
}

fn write_states(links: &[Link], page: &mut Page) {
    let help = "Value is 1 if operstate is 'up', 0 otherwise.";
    let mut family = page.family("node_network_up", Kind::Gauge, help);
    for link in links {
        family.put(&[("device", &link.device)], u8::from(link.words[4] == "up"));
    }
    let help = "Non-numeric data from /sys/class/net/<iface>, value is always 1.";
    let mut family = page.family("node_network_info", Kind::Gauge, help);
    for link in links {
        let word = |i: usize| (WORDS[i], link.words[i].as_str());
        family.put(
            &[
                word(0),
                word(1),
                ("device", &link.device),
                word(2),
                word(3),
                word(4),
            ],
            1,
        );
    }
}

fn write_numbers(links: &[Link], page: &mut Page) {
    for (i, (_, name, factor, kind)) in NUMBERS.into_iter().enumerate() {
        let property = name
            .trim_start_matches("node_network_")
            .trim_end_matches("_total");
        let help = format!("Network device property: {property}");
        let mut family = page.family(name, kind, &help);
        for link in links {
            if let Some(value) = link.numbers[i] {
                family.put(&[("device", &link.device)], value.saturating_mul(factor));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_and_damaged_lines_are_left_out() {
        let text = "Inter-| Receive\n face |bytes\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  \
            eth0:100 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nwlan0: 1 2\n eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n";
        let seen: Vec<_> = interfaces(text)
            .map(|(name, numbers)| (name, numbers[0], numbers[15]))
            .collect();
        assert_eq!(seen, [("eth0", 100, 16)]);
    }
}
