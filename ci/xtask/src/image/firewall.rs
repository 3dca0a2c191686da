//! The firewall, from the table of ports (`image/ports.toml`): what is not in it is dropped.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context as _;
use serde::Deserialize;

use crate::places;

/// One row of `image/ports.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Port {
    number: u16,
    protocol: Protocol,
    /// For people.
    what: String,
    /// The unit with which it opens and closes; without one it is always open.
    opened_by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    port: Vec<Port>,
}

/// What does not depend on ports. Forwarding is for the bridges of pods only.
const RULES: &str = "\
\tset open {
\t\ttype inet_proto . inet_service
\t\t{elements}
\t}
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state invalid drop
\t\tct state established,related accept
\t\tiifname \"lo\" accept
\t\tmeta l4proto { icmp, ipv6-icmp } limit rate 100/second accept
\t\tip6 saddr fe80::/10 udp dport 546 accept comment \"DHCPv6\"
\t\tmeta l4proto . th dport @open accept
\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state established,related accept
\t\tiifname { \"cni0\", \"vigla0\" } accept
\t}
";

/// The rules that nft loads at each boot.
pub(crate) fn rules() -> anyhow::Result<String> {
    let path = places::repository().join("image/ports.toml");
    let text = fs::read_to_string(&path)?;
    let table: Table = toml::from_str(&text).with_context(|| format!("in `{}`", path.display()))?;
    Ok(render(&table.port))
}

fn render(ports: &[Port]) -> String {
    let always = ports.iter().filter(|port| port.opened_by.is_none());
    let elements: Vec<_> = always
        .clone()
        .map(|port| format!("{} . {}", port.protocol.name(), port.number))
        .collect();
    let mut text = String::from("#!/usr/sbin/nft -f\n# Made from image/ports.toml.\n");
    for port in ports {
        let Port { number, what, .. } = port;
        let with = port
            .opened_by
            .as_deref()
            .map(|unit| format!(" (with {unit})"));
        let _ = writeln!(
            text,
            "# {number}/{}: {what}{}",
            port.protocol.name(),
            with.unwrap_or_default()
        );
    }
    let rules = RULES.replace(
        "{elements}",
        &format!("elements = {{ {} }}", elements.join(", ")),
    );
    let _ = writeln!(
        text,
        "table inet vigla\ndelete table inet vigla\ntable inet vigla {{\n{rules}}}"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_unit_opens_is_closed_at_first() {
        let text = rules().unwrap();
        assert!(text.contains("tcp . 8443"), "{text}");
        assert!(!text.contains("tcp . 22"), "{text}");
        assert!(text.contains("# 22/tcp: "), "{text}");
    }
}
