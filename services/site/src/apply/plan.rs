//! What the file means for the node: files and links, each replaced whole.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use ring::pbkdf2;
use vigla_act::network::{Cell, Link, Wifi};
use vigla_act::words::{Interface, Psk, Subnet};
use vigla_act::{Places, file};

use super::record::{Written, digest, hex};
use super::{default_name, services};
use crate::machine::Machine;
use crate::site::{self, Key, Site};

const SYSTEMCTL: &str = "/usr/bin/systemctl";
const MARK: &str = "# Made from vigla.toml on the card: change it there.\n";
/// What a daemon alone may read: its own, with root's group, so that root needs no capability for it.
pub(super) const OWN: u32 = 0o440;

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

/// One file or link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Below the root.
    path: String,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    File {
        text: String,
        mode: u32,
        /// Whose it is, if not root's.
        user: Option<&'static str>,
    },
    Link(String),
}

impl Item {
    /// A file of root's.
    pub(super) fn file(path: impl Into<String>, text: impl Into<String>, mode: u32) -> Self {
        let (path, text) = (path.into(), text.into());
        let user = None;
        let what = What::File { text, mode, user };
        Self { path, what }
    }

    /// A file that only `user` (and root) may read.
    pub(super) fn own(path: impl Into<String>, text: String, user: &'static str) -> Self {
        let what = What::File {
            text,
            mode: OWN,
            user: Some(user),
        };
        let path = path.into();
        Self { path, what }
    }

    fn link(path: impl Into<String>, target: String) -> Self {
        let (path, what) = (path.into(), What::Link(target));
        Self { path, what }
    }

    /// Puts it there; gives the digest of what is there now.
    fn put(&self, places: &Places, machine: &mut dyn Machine) -> io::Result<String> {
        let path = places.at(&self.path);
        if let Some(folder) = path.parent() {
            make(folder)?;
        }
        match &self.what {
            What::File { text, mode, user } => {
                file::replace(&path, text.as_bytes(), *mode)?;
                if let Some(user) = user {
                    machine.give(&path, user)?;
                }
                Ok(digest(text.as_bytes()))
            }
            What::Link(target) => {
                let beside = path.with_extension("new");
                let _ = fs::remove_file(&beside);
                symlink(target, &beside)?;
                fs::rename(&beside, &path)?;
                File::open(path.parent().unwrap_or(&path))?.sync_all()?;
                Ok(digest(target.as_bytes()))
            }
        }
    }
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
            let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
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
                Ok(digest) => drop(written.insert(item.path.clone(), digest)),
                Err(error) => {
                    troubles.push(format!("cannot write `/{}`: {error}", item.path));
                    // What an earlier file made of it stays ours to remove.
                    written.insert(item.path.clone(), String::new());
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

/// Makes a folder and those above it, for everybody to enter, whatever our umask is.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make(above)?;
    }
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
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
