//! Addresses and Wi-Fi of an interface as files of systemd-networkd and `wpa_supplicant`.
//!
//! Written by the act `network` and, at the first boot, by `vigla-site`: one place says how such a file
//! looks and what it is called. Values are of the types in [`crate::words`], which cannot hold a line
//! break, so that each makes one line.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use crate::Places;
use crate::words::{Country, Interface, Psk, Ssid, Subnet};

/// The first line of every file that we wrote.
pub const MARK: &str = "# Written by vigla-act; do not edit.\n";

/// Of systemd-networkd. Before `20-wired.network` of the image: of files that match, the first is taken.
pub const LINKS: &str = "etc/systemd/network";
/// Of `wpa_supplicant`.
pub const CELLS: &str = "etc/wpa_supplicant";

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// As the kernel calls it.
    pub name: Interface,
    /// Whether it asks for addresses.
    pub dhcp: bool,
    /// Its own addresses.
    #[serde(default)]
    pub addresses: Vec<Subnet>,
    /// Where everything else is reached.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// Name servers.
    #[serde(default)]
    pub dns: Vec<IpAddr>,
    /// The networks that it joins without a cable.
    #[serde(default)]
    pub wifi: Option<Wifi>,
}

/// The Wi-Fi networks of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wifi {
    /// Whose rules of the air are kept. A request says it; without it those that hold everywhere.
    #[serde(deserialize_with = "some")]
    pub country: Option<Country>,
    /// In no order: the strongest is joined.
    pub networks: Vec<Cell>,
}

/// One Wi-Fi network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Its name.
    pub ssid: Ssid,
    /// Its key.
    pub psk: Psk,
}

impl Link {
    /// Its file for systemd-networkd.
    #[must_use]
    pub fn path(&self, places: &Places) -> PathBuf {
        places.at(format!("{LINKS}/10-vigla-{}.network", self.name.text()))
    }

    /// What stands in there.
    #[must_use]
    pub fn text(&self) -> String {
        let dhcp = if self.dhcp { "yes" } else { "no" };
        let name = self.name.text();
        let mut text = format!("{MARK}[Match]\nName={name}\n\n[Network]\nDHCP={dhcp}\n");
        // As for any cable (`20-wired.network`): <host name>.local answers, the router names nobody.
        text.push_str("MulticastDNS=yes\nLinkLocalAddressing=ipv6\n");
        for address in &self.addresses {
            let _ = writeln!(text, "Address={address}");
        }
        if let Some(gateway) = self.gateway {
            let _ = writeln!(text, "Gateway={gateway}");
        }
        for server in &self.dns {
            let _ = writeln!(text, "DNS={server}");
        }
        text.push_str("\n[DHCPv4]\nUseHostname=no\nClientIdentifier=mac\n");
        text
    }

    /// Its file for `wpa_supplicant`; only root may read it.
    #[must_use]
    pub fn wifi_path(&self, places: &Places) -> PathBuf {
        places.at(format!("{CELLS}/wpa_supplicant-{}.conf", self.name.text()))
    }

    /// The unit that joins its networks.
    #[must_use]
    pub fn wifi_unit(&self) -> String {
        format!("wpa_supplicant@{}.service", self.name.text())
    }
}

impl Wifi {
    /// For `wpa_supplicant`. A name without quotes is hexadecimal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from(MARK);
        if let Some(country) = &self.country {
            let _ = writeln!(text, "country={}", country.text());
        }
        for Cell { ssid, psk } in &self.networks {
            let (ssid, psk) = (ssid.hex(), psk.digits());
            let _ = writeln!(text, "network={{\n\tssid={ssid}\n\tpsk={psk}\n}}");
        }
        text
    }
}

fn some<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Country>, D::Error> {
    Country::deserialize(from).map(Some)
}
