//! Addresses and Wi-Fi: files of systemd-networkd and `wpa_supplicant`, then both read them again.
//!
//! A request is the whole of what is wanted: files of ours that it does not name go away, files of others
//! stay. Ours are known by their names (`50-vigla-*.network`), and by their first line where the name is
//! not ours to choose (`wpa_supplicant-INTERFACE.conf`).

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Failed, run, unwritten};
use crate::words::{Country, Id, Interface, Psk, Ssid, Subnet};
use crate::{Places, System, file};

const NETWORKCTL: &str = "/usr/bin/networkctl";
const MARK: &str = "# Written by vigla-act; do not edit.\n";

/// `{"id": "7", "interfaces": [{"name": "eth0", "dhcp": true}]}`
#[derive(Debug, Deserialize)]
#[serde(try_from = "Wanted")]
pub(crate) struct NetworkRequest {
    pub(super) id: Id,
    interfaces: Vec<Link>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    id: Id,
    interfaces: Vec<Link>,
}

/// One interface.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    name: Interface,
    /// Whether it asks for addresses.
    dhcp: bool,
    #[serde(default)]
    addresses: Vec<Subnet>,
    #[serde(default)]
    gateway: Option<IpAddr>,
    #[serde(default)]
    dns: Vec<IpAddr>,
    #[serde(default)]
    wifi: Option<Wifi>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wifi {
    country: Country,
    networks: Vec<Cell>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    ssid: Ssid,
    psk: Psk,
}

impl TryFrom<Wanted> for NetworkRequest {
    type Error = &'static str;

    fn try_from(Wanted { id, interfaces }: Wanted) -> Result<Self, &'static str> {
        if !(1..=8).contains(&interfaces.len()) {
            return Err("a network has 1 to 8 interfaces");
        }
        let mut names: Vec<_> = interfaces.iter().map(|link| &link.name).collect();
        names.sort();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("an interface stands there twice");
        }
        for link in &interfaces {
            if !link.dhcp && link.addresses.is_empty() {
                return Err("an interface has `dhcp`, or addresses");
            }
            if link.addresses.len() > 8 || link.dns.len() > 8 {
                return Err("an interface has at most 8 addresses and 8 name servers");
            }
            let cells = link.wifi.as_ref().map_or(1, |wifi| wifi.networks.len());
            if !(1..=16).contains(&cells) {
                return Err("Wi-Fi has 1 to 16 networks");
            }
        }
        Ok(Self { id, interfaces })
    }
}

pub(super) fn apply(
    request: &NetworkRequest,
    places: &Places,
    system: &mut dyn System,
) -> Result<String, Failed> {
    let (links, cells) = (
        places.at("etc/systemd/network"),
        places.at("etc/wpa_supplicant"),
    );
    let mut keep: Vec<PathBuf> = Vec::new();
    for link in &request.interfaces {
        let name = link.name.text();
        let path = links.join(format!("50-vigla-{name}.network"));
        file::replace(&path, link.network().as_bytes(), 0o644).map_err(unwritten(&path))?;
        keep.push(path);
        if let Some(wifi) = &link.wifi {
            let path = cells.join(format!("wpa_supplicant-{name}.conf"));
            file::replace(&path, wifi.conf().as_bytes(), 0o600).map_err(unwritten(&path))?;
            keep.push(path);
        }
    }
    remove_others(&links, &keep, |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("50-vigla-") && name.ends_with(".network")
    })?;
    remove_others(&cells, &keep, |path| {
        fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK))
    })?;
    let reloaded = system.run(NETWORKCTL, &["reload"]);
    reloaded.map_err(|error| Failed::at("run `networkctl reload`", &error))?;
    for link in request.interfaces.iter().filter(|link| link.wifi.is_some()) {
        let unit = format!("wpa_supplicant@{}.service", link.name.text());
        run(system, &["enable", &unit])?;
        run(system, &["restart", &unit])?;
    }
    let names: Vec<_> = request.interfaces.iter().map(|l| l.name.text()).collect();
    Ok(format!("the network is set: {}", names.join(", ")))
}

/// Removes files of ours that nobody wants any more: an old key does not stay on the disk.
fn remove_others(
    folder: &Path,
    keep: &[PathBuf],
    ours: impl Fn(&Path) -> bool,
) -> Result<(), Failed> {
    let listed = |error| Failed::at(format!("list `{}`", folder.display()), &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(listed(error)),
    };
    for entry in entries {
        let path = entry.map_err(listed)?.path();
        if !keep.contains(&path) && ours(&path) {
            let gone = fs::remove_file(&path);
            gone.map_err(|error| Failed::at(format!("remove `{}`", path.display()), &error))?;
        }
    }
    Ok(())
}

impl Link {
    /// For systemd-networkd.
    fn network(&self) -> String {
        let dhcp = if self.dhcp { "yes" } else { "no" };
        let name = self.name.text();
        let mut text = format!("{MARK}[Match]\nName={name}\n\n[Network]\nDHCP={dhcp}\n");
        for address in &self.addresses {
            let _ = writeln!(text, "Address={address}");
        }
        if let Some(gateway) = self.gateway {
            let _ = writeln!(text, "Gateway={gateway}");
        }
        for server in &self.dns {
            let _ = writeln!(text, "DNS={server}");
        }
        text
    }
}

impl Wifi {
    /// For `wpa_supplicant`. A name without quotes is hexadecimal.
    fn conf(&self) -> String {
        let mut text = format!("{MARK}country={}\n", self.country.text());
        for Cell { ssid, psk } in &self.networks {
            let (ssid, psk) = (ssid.hex(), psk.digits());
            let _ = writeln!(text, "network={{\n\tssid={ssid}\n\tpsk={psk}\n}}");
        }
        text
    }
}
