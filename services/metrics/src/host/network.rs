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
    write_numbers(probe, &links, page);
}

/// How an interface stands.
#[derive(Debug, Default)]
struct Link {
    device: String,
    operstate: String,
    address: String,
    broadcast: String,
    duplex: String,
    ifalias: String,
}

impl Link {
    fn read(probe: &dyn Probe, device: String) -> Option<Self> {
        let word = |file| {
            let text = probe.read(&format!("{FOLDER}/{device}/{file}"))?;
            Some(text.trim().to_owned())
        };
        // Files such as `bonding_masters` stand beside the interfaces.
        let operstate = word("operstate")?;
        Some(Self {
            operstate,
            address: word("address").unwrap_or_default(),
            broadcast: word("broadcast").unwrap_or_default(),
            duplex: word("duplex").unwrap_or_default(),
            ifalias: word("ifalias").unwrap_or_default(),
            device,
        })
    }
}

fn write_states(links: &[Link], page: &mut Page) {
    let help = "Value is 1 if operstate is 'up', 0 otherwise.";
    let mut family = page.family("node_network_up", Kind::Gauge, help);
    for link in links {
        family.put(
            &[("device", &link.device)],
            u8::from(link.operstate == "up"),
        );
    }
    let help = "Non-numeric data from /sys/class/net/<iface>, value is always 1.";
    let mut family = page.family("node_network_info", Kind::Gauge, help);
    for link in links {
        let labels = [
            ("address", link.address.as_str()),
            ("broadcast", &link.broadcast),
            ("device", &link.device),
            ("duplex", &link.duplex),
            ("ifalias", &link.ifalias),
            ("operstate", &link.operstate),
        ];
        family.put(&labels, 1);
    }
}

fn write_numbers(probe: &dyn Probe, links: &[Link], page: &mut Page) {
    // Megabits a second, as bytes.
    const MEGABIT: u64 = 125_000;
    for (name, file, factor, kind) in [
        ("node_network_carrier", "carrier", 1, Kind::Gauge),
        (
            "node_network_carrier_changes_total",
            "carrier_changes",
            1,
            Kind::Counter,
        ),
        ("node_network_mtu_bytes", "mtu", 1, Kind::Gauge),
        ("node_network_speed_bytes", "speed", MEGABIT, Kind::Gauge),
        (
            "node_network_transmit_queue_length",
            "tx_queue_len",
            1,
            Kind::Gauge,
        ),
    ] {
        let property = name
            .trim_start_matches("node_network_")
            .trim_end_matches("_total");
        let help = format!("Network device property: {property}");
        let mut family = page.family(name, kind, &help);
        for link in links {
            // A speed that is not known is -1, and refused here: it is no number of bytes.
            let text = probe.read(&format!("{FOLDER}/{}/{file}", link.device));
            if let Some(value) = text.and_then(|text| text.trim().parse::<u64>().ok()) {
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
