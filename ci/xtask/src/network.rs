//! Is there any network? Asked of the kernel, so the answer is immediate and nobody is called.

use std::fs;

/// Whether a route leads out of this machine. `true` promises nothing beyond the first hop.
pub(crate) fn present() -> bool {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    leads_out(&read("/proc/net/route"), &read("/proc/net/ipv6_route"))
}

fn leads_out(v4: &str, v6: &str) -> bool {
    // v4: a header, then `Iface Destination ...`; all zeroes is the default route.
    let v4 = v4
        .lines()
        .skip(1)
        .any(|line| line.split_whitespace().nth(1) == Some("00000000"));
    // v6: `destination prefix-length ... device`; unreachable ones are on `lo`.
    let v6 = v6
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|fields| {
            fields.get(1) == Some(&"00") && fields.last().is_some_and(|device| *device != "lo")
        });
    v4 || v6
}

#[cfg(test)]
mod tests {
    use super::leads_out;

    const HEADER: &str = "Iface\tDestination\tGateway\n";
    const UNREACHABLE: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n";

    #[test]
    fn only_a_default_route_leads_out() {
        let default = format!("{HEADER}eth0\t00000000\t010011AC\n");
        let local = format!("{HEADER}eth0\t000011AC\t00000000\n");
        assert!(leads_out(&default, ""));
        assert!(!leads_out(&local, ""));
        assert!(!leads_out("", UNREACHABLE));
        assert!(leads_out("", &UNREACHABLE.replace(" lo", " eth0")));
    }
}
