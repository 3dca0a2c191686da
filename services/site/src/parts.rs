//! The parts of the file, one room each.

mod camera;
mod login;
mod mqtt;
mod network;
mod node;
mod ssh;
mod wifi;
mod zones;

use crate::mistake::Notes;
use crate::site::Site;
use crate::table::Table;

pub use zones::Zones;

/// The keys at the top of the file.
pub(crate) const TOP: &[&str] = &[
    "name",
    "time_zone",
    "ntp",
    "proxy",
    "ssh_keys",
    "wifi",
    "network",
    "camera",
    "mqtt",
    "login",
];

pub(crate) fn site(top: &Table, zones: &Zones, notes: &mut Notes) -> Site {
    let wifi = wifi::read(top, notes);
    Site {
        name: node::name(top, notes),
        time_zone: node::time_zone(top, zones, notes),
        ntp: node::ntp(top, notes),
        proxy: node::proxy(top, notes),
        ssh_keys: ssh::keys(top, notes),
        network: network::read(top, wifi.is_some(), notes),
        wifi,
        cameras: camera::read(top, notes),
        mqtt: mqtt::read(top, notes),
        login: login::read(top, notes),
    }
}

/// Whether `host` is a name or an address, without a port.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.parse::<std::net::IpAddr>().is_ok()
        || (host.len() <= 253 && host.trim_end_matches('.').split('.').all(label))
}

/// Host and port of `host`, `host:port`, `[::1]:port`. The host is without brackets.
fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let port = |text: &str| text.parse::<std::num::NonZeroU16>().ok().map(u16::from);
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(digits) => Some((host, Some(port(digits)?))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    let (host, given) = match text.split_once(':') {
        Some((host, digits)) => (host, Some(port(digits)?)),
        None => (text, None),
    };
    is_host(host).then_some((host, given))
}

/// Whether it can stand in one line of a file: no control characters.
fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_their_ports() {
        for (text, found) in [
            ("broker", Some(("broker", None))),
            ("10.0.0.2:1883", Some(("10.0.0.2", Some(1883)))),
            ("[fd00::1]:8883", Some(("fd00::1", Some(8883)))),
            ("[fd00::1]", Some(("fd00::1", None))),
            ("a.example.org:1", Some(("a.example.org", Some(1)))),
            ("", None),
            (":1883", None),
            ("a:0", None),
            ("a:70000", None),
            ("a:", None),
            ("[x]:1", None),
            ("[::1]1", None),
            ("a b", None),
            ("a..b", None),
            ("a/b", None),
        ] {
            assert_eq!(host_and_port(text), found, "{text}");
        }
    }
}
