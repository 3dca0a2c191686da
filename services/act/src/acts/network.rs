//! Addresses and Wi-Fi: files of systemd-networkd and `wpa_supplicant`, then both read them again.
//!
//! A request is the whole of what is wanted: files of ours that it does not name go away, files of others
//! stay. Ours are known by their names (`10-vigla-*.network`), and by their first line where the name is
//! not ours to choose (`wpa_supplicant-INTERFACE.conf`).

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Failed, run, unwritten};
use crate::network::{CELLS, LINKS, Link, MARK};
use crate::words::Id;
use crate::{Places, System, file};

const NETWORKCTL: &str = "/usr/bin/networkctl";

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
    let (links, cells) = (places.at(LINKS), places.at(CELLS));
    let mut keep: Vec<PathBuf> = Vec::new();
    for link in &request.interfaces {
        let path = link.path(places);
        file::replace(&path, link.text().as_bytes(), 0o644).map_err(unwritten(&path))?;
        keep.push(path);
        if let Some(wifi) = &link.wifi {
            let path = link.wifi_path(places);
            file::replace(&path, wifi.text().as_bytes(), 0o600).map_err(unwritten(&path))?;
            keep.push(path);
        }
    }
    remove_others(&links, &keep, |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("10-vigla-") && name.ends_with(".network")
    })?;
    remove_others(&cells, &keep, |path| {
        fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK))
    })?;
    let reloaded = system.run(NETWORKCTL, &["reload"]);
    reloaded.map_err(|error| Failed::at("run `networkctl reload`", &error))?;
    for link in request.interfaces.iter().filter(|link| link.wifi.is_some()) {
        let unit = link.wifi_unit();
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
