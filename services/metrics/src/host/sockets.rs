//! `/proc/net/sockstat`, `snmp`, `snmp6` and `netstat`: sockets, and what the protocols count.

use super::page::{Kind, Page};
use super::probe::Probe;

/// Bytes of a page of memory, in which the kernel counts what sockets hold.
const PAGE: u64 = 4096;

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    for path in ["/proc/net/sockstat", "/proc/net/sockstat6"] {
        let text = probe.read(path).unwrap_or_default();
        for (protocol, state, value) in sockets(&text) {
            let name = format!("node_sockstat_{protocol}_{state}");
            let help = if protocol == "sockets" {
                "Number of IPv4 sockets in use.".to_owned()
            } else {
                format!("Number of {protocol} sockets in state {state}.")
            };
            page.gauge(&name, &help, Some(value));
            if state == "mem" {
                let help = format!("Number of {protocol} sockets in state mem_bytes.");
                page.gauge(
                    &format!("{name}_bytes"),
                    &help,
                    Some(value.saturating_mul(PAGE)),
                );
            }
        }
    }
    for path in ["/proc/net/snmp", "/proc/net/netstat"] {
        let text = probe.read(path).unwrap_or_default();
        for (protocol, field, value) in counts(&text) {
            write_count(protocol, field, value, page);
        }
    }
    let text = probe.read("/proc/net/snmp6").unwrap_or_default();
    for (protocol, field, value) in counts6(&text) {
        write_count(protocol, field, value, page);
    }
}

fn write_count(protocol: &str, field: &str, value: u64, page: &mut Page) {
    if shown(protocol, field) {
        let help = format!("Statistic {protocol}{field}.");
        page.family(
            &format!("node_netstat_{protocol}_{field}"),
            Kind::Untyped,
            &help,
        )
        .put(&[], value);
    }
}

/// `TCP: inuse 4 orphan 0` as triples.
pub fn sockets(text: &str) -> impl Iterator<Item = (&str, &str, u64)> {
    text.lines().flat_map(|line| {
        let (protocol, rest) = line.split_once(':').unwrap_or_default();
        let mut words = rest.split_ascii_whitespace();
        std::iter::from_fn(move || Some((words.next()?, words.next()?)))
            .filter(move |_| plain(protocol))
            .filter_map(move |(state, value)| {
                let value = value.parse().ok()?;
                plain(state).then_some((protocol, state, value))
            })
    })
}

/// Pairs of lines: `Tcp: InSegs OutSegs` and `Tcp: 5 7`.
pub fn counts(text: &str) -> impl Iterator<Item = (&str, &str, u64)> {
    let mut lines = text.lines();
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?))).flat_map(|(names, values)| {
        let (protocol, names) = names.split_once(':').unwrap_or_default();
        let (same, values) = values.split_once(':').unwrap_or_default();
        names
            .split_ascii_whitespace()
            .zip(values.split_ascii_whitespace())
            .filter(move |_| protocol == same)
            .filter_map(move |(name, value)| Some((protocol, name, value.parse().ok()?)))
    })
}

/// `Ip6InOctets  5`, with the protocol before the first `6`.
pub fn counts6(text: &str) -> impl Iterator<Item = (&str, &str, u64)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (name, value) = (words.next()?, words.next()?.parse().ok()?);
        let (protocol, field) = name.split_at(name.find('6')? + 1);
        Some((protocol, field, value))
    })
}

fn plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Those that node-exporter shows unless told otherwise.
fn shown(protocol: &str, field: &str) -> bool {
    let fields: &[&str] = match protocol {
        "Ip" => &["Forwarding"],
        "Ip6" | "IpExt" => &["InOctets", "OutOctets"],
        "Icmp" | "Icmp6" => &["InMsgs", "OutMsgs"],
        "Tcp" => &[
            "ActiveOpens",
            "PassiveOpens",
            "CurrEstab",
            "InSegs",
            "OutSegs",
            "OutRsts",
            "RetransSegs",
        ],
        "TcpExt" => &[
            "ListenDrops",
            "ListenOverflows",
            "SyncookiesSent",
            "SyncookiesRecv",
            "SyncookiesFailed",
            "TCPSynRetrans",
            "TCPTimeouts",
        ],
        "Udp" | "Udp6" => &[
            "InDatagrams",
            "OutDatagrams",
            "NoPorts",
            "RcvbufErrors",
            "SndbufErrors",
        ],
        _ => &[],
    };
    fields.contains(&field) || plain(protocol) && matches!(field, "InErrors" | "InErrs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs_of_lines_and_leaves_out_the_rest() {
        let text = "Tcp: A InSegs MaxConn\nTcp: 1 2 -1\nUdp: X\nIp: 5\nIcmp: InMsgs\n";
        let seen: Vec<_> = counts(text).collect();
        assert_eq!(seen, [("Tcp", "A", 1), ("Tcp", "InSegs", 2)]);
        let seen: Vec<_> = counts6("Ip6InOctets 5\nno 1\nUdp6 \nUdpLite6InErrors 0\n").collect();
        assert_eq!(seen, [("Ip6", "InOctets", 5), ("UdpLite6", "InErrors", 0)]);
        let seen: Vec<_> =
            sockets("sockets: used 5\nTCP: inuse 1 mem x a-b 2\n: a 1\nno\n").collect();
        assert_eq!(seen, [("sockets", "used", 5), ("TCP", "inuse", 1)]);
    }
}
