//! What the file means for the node.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ring::pbkdf2;
use vigla_act::Places;
use vigla_act::network::{Cell, Link, Wifi};
use vigla_act::words::{Interface, Psk, Subnet};

use super::item::Item;
use super::record::{Written, hex};
use super::{default_name, services};
use crate::machine::Machine;
use crate::site::{self, Key, Site};

const SYSTEMCTL: &str = "/usr/bin/systemctl";
const MARK: &str = "# Made from vigla.toml on the card: change it there.\n";

/// Why a file cannot be made into settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot make the key of a Wi-Fi network")]
    Psk,
    #[error("cannot hash the password of the owner: {0}")]
    Hash(String),
    #[error("cannot write settings as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
}

/// All that is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    items: Vec<Item>,
    name: Option<String>,
    /// The unit that joins the Wi-Fi.
    unit: Option<String>,
}

impl Plan {
    pub(super) fn new(site: &Site) -> Result<Self, Error> {
        let mut plan = Self {
            items: Vec::new(),
            name: site.name.as_ref().map(|name| name.text().to_owned()),
            unit: None,
        };
        plan.node(site);
        plan.network(site)?;
        plan.items.extend(services::items(site)?);
        Ok(plan)
    }

    /// Name, time, proxy, ssh.
    fn node(&mut self, site: &Site) {
        if let Some(name) = &self.name {
            let line = format!("{name}\n");
            self.items.push(Item::file(default_name::FILE, line, 0o644));
        }
        if let Some(zone) = &site.time_zone {
            let target = format!("../usr/share/zoneinfo/{zone}");
            self.items.push(Item::link("etc/localtime", target));
        }
        if !site.ntp.is_empty() {
            let text = format!("{MARK}[Time]\nNTP={}\n", site.ntp.join(" "));
            let path = "etc/systemd/timesyncd.conf.d/50-vigla.conf";
            self.items.push(Item::file(path, text, 0o644));
        }
        if let Some(proxy) = &site.proxy {
            let proxy = proxy.reveal();
            let own = "localhost,127.0.0.0/8,::1,.local";
            let text = format!(
                "{MARK}HTTP_PROXY={proxy}\nHTTPS_PROXY={proxy}\nNO_PROXY={own}\n\
                 http_proxy={proxy}\nhttps_proxy={proxy}\nno_proxy={own}\n"
            );
            // It may hold a password; systemd reads it as root for its units.
            self.items
                .push(Item::file("etc/vigla/proxy.env", text, 0o600));
        }
        if !site.ssh_keys.is_empty() {
            let text = format!("{MARK}{}\n", site.ssh_keys.join("\n"));
            // sshd starts where this file is.
            self.items
                .push(Item::file("etc/vigla/ssh/authorized_keys", text, 0o644));
        }
    }

    fn network(&mut self, site: &Site) -> Result<(), Error> {
        let wlan = Interface::try_from("wlan0".to_owned()).map_err(|_| Error::Psk)?;
        let wifi = site.wifi.as_ref().map(joined).transpose()?;
        let mut links = Vec::new();
        if let Some(network) = &site.network {
            let wifi = wifi.clone().filter(|_| network.interface == wlan);
            links.push(Link {
                name: network.interface.clone(),
                dhcp: network.address.is_none(),
                addresses: network.address.into_iter().collect::<Vec<Subnet>>(),
                gateway: network.gateway,
                dns: network.dns.clone(),
                wifi,
            });
        }
        if let Some(wifi) = wifi.filter(|_| links.iter().all(|link| link.wifi.is_none())) {
            links.push(Link {
                name: wlan,
                dhcp: true,
                addresses: Vec::new(),
                gateway: None,
                dns: Vec::new(),
                wifi: Some(wifi),
            });
        }
        let below = Places::below("");
        for link in links {
            let path = |path: PathBuf| path.to_string_lossy().into_owned();
            self.items
                .push(Item::file(path(link.path(&below)), link.text(), 0o644));
            let Some(wifi) = &link.wifi else { continue };
            let conf = path(link.wifi_path(&below));
            self.items.push(Item::file(conf, wifi.text(), 0o600));
            let unit = link.wifi_unit();
            self.items.push(Item::link(
                format!("etc/systemd/system/multi-user.target.wants/{unit}"),
                "/usr/lib/systemd/system/wpa_supplicant@.service".to_owned(),
            ));
            self.unit = Some(unit);
        }
        Ok(())
    }

    /// Writes everything that can be written.
    pub(super) fn write(
        &self,
        places: &Places,
        machine: &mut dyn Machine,
        troubles: &mut Vec<String>,
    ) -> Written {
        let mut written = Written::new();
        for item in &self.items {
            match item.put(places, machine) {
                Ok(digest) => drop(written.insert(item.path().to_owned(), digest)),
                Err(error) => {
                    troubles.push(format!("cannot write `/{}`: {error}", item.path()));
                    // What an earlier file made of it stays ours to remove.
                    written.insert(item.path().to_owned(), String::new());
                }
            }
        }
        written
    }

    /// What is not done with files. The network's own services start after us and read theirs.
    pub(super) fn tell(&self, machine: &mut dyn Machine, troubles: &mut Vec<String>) {
        if let Some(name) = &self.name
            && let Err(error) = machine.set_host_name(name)
        {
            troubles.push(format!("cannot call this node `{name}` now: {error}"));
        }
        if let Some(unit) = &self.unit
            && let Err(error) = machine.run(SYSTEMCTL, &["--no-block", "start", unit])
        {
            troubles.push(format!("cannot start `{unit}` now: {error}"));
        }
    }
}

fn joined(wifi: &site::Wifi) -> Result<Wifi, Error> {
    let cells = wifi.networks.iter().map(|network| {
        let psk = match &network.key {
            Key::Psk(psk) => psk.clone(),
            Key::Passphrase(phrase) => psk(phrase.reveal(), network.ssid.bytes())?,
        };
        let ssid = network.ssid.clone();
        Ok(Cell { ssid, psk })
    });
    Ok(Wifi {
        country: wifi.country.clone(),
        networks: cells.collect::<Result<_, Error>>()?,
    })
}

/// As IEEE 802.11 says: 4096 rounds of HMAC-SHA1, salted with the network's name.
fn psk(phrase: &str, ssid: &[u8]) -> Result<Psk, Error> {
    let rounds = NonZeroU32::new(4096).ok_or(Error::Psk)?;
    let mut key = [0; 32];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA1,
        rounds,
        ssid,
        phrase.as_bytes(),
        &mut key,
    );
    Psk::try_from(hex(&key)).map_err(|_| Error::Psk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_becomes_the_key_that_the_standard_says() {
        // IEEE 802.11i, H.4.
        for (phrase, ssid, key) in [
            (
                "password",
                "IEEE",
                "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e",
            ),
            (
                "ThisIsAPassword",
                "ThisIsASSID",
                "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
            ),
        ] {
            assert_eq!(psk(phrase, ssid.as_bytes()).unwrap().digits(), key);
        }
    }
}
