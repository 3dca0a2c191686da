//! What the file says, checked: each value is of a type, or was looked at, so that nothing downstream
//! checks it again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use toml::de::DeTable;
use vigla_act::words::{Country, HostName, Interface, Psk, Ssid, Subnet};

use crate::Secret;
use crate::bytes::{self, BROKEN};
use crate::mistake::{Mistake, Notes};
use crate::parts::{self, Zones};
use crate::table::Table;

/// The whole file. What is `None` or empty stays as it is on the node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Site {
    /// What the node is called.
    pub name: Option<HostName>,
    /// Of the tz database, like `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// Time servers.
    pub ntp: Vec<String>,
    /// An address like `http://proxy:3128`, perhaps with a password in it.
    pub proxy: Option<Secret>,
    /// Lines of `authorized_keys`.
    pub ssh_keys: Vec<String>,
    /// Networks without a cable.
    pub wifi: Option<Wifi>,
    /// The address, when it is not asked for.
    pub network: Option<Network>,
    /// By name.
    pub cameras: BTreeMap<String, Camera>,
    /// Where counts go.
    pub mqtt: Option<Mqtt>,
    /// Who may see the page.
    pub login: Login,
}

/// `[wifi]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wifi {
    /// Whose rules of the air are kept; those that hold everywhere when it is not known.
    pub country: Option<Country>,
    /// One at least.
    pub networks: Vec<WifiNetwork>,
}

/// `[[wifi.network]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WifiNetwork {
    /// Its name.
    pub ssid: Ssid,
    /// What opens it.
    pub key: Key,
}

/// What opens a Wi-Fi network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// 8 to 63 printable characters.
    Passphrase(Secret),
    /// What is made of passphrase and name.
    Psk(Psk),
}

/// `[network]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Whose address it is; `wlan0` with Wi-Fi and `eth0` without, when it is not said.
    pub interface: Interface,
    /// Its own; `None`: it asks for one.
    pub address: Option<Subnet>,
    /// In the net of the address.
    pub gateway: Option<IpAddr>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
}

/// `[camera.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Where pictures come from, as `vigla-camera` takes it.
    pub source: Secret,
    /// What people call it.
    pub label: Option<String>,
    /// User and password of a network camera.
    pub credentials: Option<(String, Secret)>,
    /// Like `1280x720`.
    pub size: Option<String>,
    /// Pictures a second.
    pub rate: Option<f64>,
}

/// `[mqtt]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// Name or address, as it stands before a colon and a port.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Whom we say we are.
    pub user: Option<String>,
    /// How we prove it.
    pub password: Option<Secret>,
}

/// `[login]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// Whether everybody who reaches the page sees everything.
    pub open: Option<bool>,
    /// The owner's.
    pub password: Option<Secret>,
}

/// Reads the file. Everything that is valid is in the first, everything else in the second, by line.
#[must_use]
pub fn read(bytes: &[u8], zones: &Zones) -> (Site, Vec<Mistake>) {
    let text = match bytes::text(bytes) {
        Ok(text) => text,
        Err(mistake) => return (Site::default(), vec![mistake]),
    };
    let mut notes = Notes::new(&text);
    let (tree, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let place = error.span().unwrap_or(0..0);
        syntax(&text, &place, error.message(), &mut notes);
    }
    let broken = text.match_indices(BROKEN);
    let mut last = None;
    for (at, _) in broken {
        let line = text[..at].rfind('\n');
        if last != Some(line) {
            let what = "a character in this line is not UTF-8";
            notes.unreadable(&(at..at), what, "save the file with the encoding UTF-8");
        }
        last = Some(line);
    }
    let top = Table::new(tree.get_ref(), 0..0, "the file", parts::TOP, &mut notes);
    let site = parts::site(&top, zones, &mut notes);
    (site, notes.end())
}

/// A line that is no TOML. The parser's own words, and the usual cause of them.
fn syntax(text: &str, place: &Range<usize>, message: &str, notes: &mut Notes) {
    let line_start = text.get(..place.start).and_then(|t| t.rfind('\n'));
    let line = text.get(line_start.map_or(0, |at| at + 1)..).unwrap_or("");
    let line = line.lines().next().unwrap_or("").trim();
    let fix = if text.contains('\0') {
        "the file is damaged: write it again from your copy"
    } else if line.contains(['\u{201c}', '\u{201d}', '\u{201e}']) {
        "use straight quotes (\"), not those of a word processor"
    } else if message.starts_with("duplicate key") {
        "it stands in the file before: remove one of the two"
    } else if line.starts_with('[') {
        "a line in brackets is like `[wifi]`, alone in its line"
    } else if !line.contains('=') {
        "a line is like `key = \"value\"`, and a remark begins with `#`"
    } else {
        "put text in straight quotes, like `name = \"yard\"`"
    };
    notes.unreadable(place, format!("this cannot be read: {message}"), fix);
}
