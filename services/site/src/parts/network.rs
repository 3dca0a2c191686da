//! `[network]`: an address of its own.

use std::net::IpAddr;

use vigla_act::words::{Interface, Subnet};

use crate::mistake::Notes;
use crate::site::Network;
use crate::table::{Table, shown};

pub(super) fn read(top: &Table, wifi: bool, notes: &mut Notes) -> Option<Network> {
    let keys = ["interface", "address", "gateway", "dns"];
    let table = top.table("network", &keys, notes)?;
    let usual = if wifi { "wlan0" } else { "eth0" };
    let interface = match table.text("interface", notes) {
        None => Interface::try_from(usual.to_owned()),
        Some(given) => {
            let interface = Interface::try_from(given.text.to_owned());
            if let Err(why) = interface {
                notes.add(
                    &given.span,
                    why,
                    "write `eth0` for the cable, `wlan0` for Wi-Fi",
                );
            }
            interface
        }
    };
    let address = address(&table, notes);
    let gateway = gateway(&table, address, notes);
    let dns = servers(&table, notes);
    Some(Network {
        interface: interface.ok()?,
        address,
        gateway,
        dns,
    })
}

fn address(table: &Table, notes: &mut Notes) -> Option<Subnet> {
    let given = table.text("address", notes)?;
    let fix = "write it with the length of its net, like `address = \"192.168.1.50/24\"`";
    let Ok(subnet) = Subnet::try_from(given.text.to_owned()) else {
        let what = format!("`{}` is no address with its net", shown(given.text));
        notes.add(&given.span, what, fix);
        return None;
    };
    if is_host(subnet) {
        return Some(subnet);
    }
    let what = format!("`{}` is no address of a single node", shown(given.text));
    let fix = "choose one that is free in your net and not handed out by the router";
    notes.add(&given.span, what, fix);
    None
}

/// Not the net itself, not everybody in it, and nothing that routers do not carry.
fn is_host(subnet: Subnet) -> bool {
    let address = subnet.address();
    if address.is_loopback() || address.is_multicast() || address.is_unspecified() {
        return false;
    }
    let IpAddr::V4(v4) = address else {
        return true;
    };
    let neighbour = |bits: u32| subnet.holds(IpAddr::V4(bits.into()));
    let bits = u32::from(v4);
    // The lowest has a foreign neighbour below, the highest one above; a net of two has only hosts.
    let lowest = bits == 0 || !neighbour(bits - 1);
    let highest = bits == u32::MAX || !neighbour(bits + 1);
    let pair = subnet.to_string().ends_with("/31") || subnet.to_string().ends_with("/32");
    pair || !(lowest || highest)
}

fn gateway(table: &Table, address: Option<Subnet>, notes: &mut Notes) -> Option<IpAddr> {
    let given = table.text("gateway", notes)?;
    let Ok(gateway) = given.text.parse::<IpAddr>() else {
        let what = format!("`{}` is no address of a gateway", shown(given.text));
        notes.add(
            &given.span,
            what,
            "write it like `gateway = \"192.168.1.1\"`",
        );
        return None;
    };
    let Some(subnet) = address else {
        let fix = "add `address`, or remove `gateway`: without an address both are asked for";
        notes.add(&given.span, "`gateway` is nothing without `address`", fix);
        return None;
    };
    if subnet.address() == gateway {
        let fix = "the gateway is the router's address, not that of the node";
        notes.add(&given.span, "`gateway` is the same as `address`", fix);
    } else if !subnet.holds(gateway) {
        let what = format!("`{gateway}` is outside of the net `{subnet}`");
        let fix = "write the router's address in this net, or correct `address`";
        notes.add(&given.span, what, fix);
    } else {
        return Some(gateway);
    }
    None
}

fn servers(table: &Table, notes: &mut Notes) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    for given in table.texts("dns", notes) {
        match given.text.parse() {
            Ok(server) if servers.len() < 8 => servers.push(server),
            Ok(_) => notes.add(
                &given.span,
                "there are more than 8 name servers",
                "three are plenty",
            ),
            Err(_) => {
                let what = format!("`{}` is no address of a name server", shown(given.text));
                notes.add(&given.span, what, "write it like `dns = [\"192.168.1.1\"]`");
            }
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_an_address_of_its_own() {
        for (text, good) in [
            ("192.168.1.50/24", true),
            ("192.168.1.0/24", false),
            ("192.168.1.255/24", false),
            ("192.168.3.0/23", true),
            ("10.0.0.0/31", true),
            ("10.0.0.1/32", true),
            ("127.0.0.1/8", false),
            ("224.0.0.1/4", false),
            ("0.0.0.0/8", false),
            ("fd00::2/64", true),
        ] {
            let subnet = Subnet::try_from(text.to_owned()).unwrap();
            assert_eq!(is_host(subnet), good, "{text}");
        }
    }
}
