//! What the node holds: its keys, the grant that counts, and the time below which it believes no time.
//!
//! ```text
//!  /var/lib/vigla/enrolment/
//!    board, mqtt.key, key     made once, in this order: with `key` there is all of it
//!    floor                    the latest time that the registrar told
//!    generation               the number of the latest grant that came this far, which only grows
//!    grant-7/                 grant.json (signed), service.json (who gave it), confirmed (its node was ready)
//!    current -> grant-7       moved last: a grant counts when this leads to it
//! ```
//!
//! Nothing else says what the node is. At each look a grant is verified again: its signature, and that it is
//! for this key. What is not sound does not count.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vigla_fleet::endpoint::Endpoint;
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::grant::Grant;
use vigla_fleet::identity::{Key, Signer, node_name};
use vigla_fleet::invitation::Invitation;
use vigla_fleet::signed::Signed;

use crate::disk::Disk;

const KEY: &str = "key";
const MQTT: &str = "mqtt.key";
const BOARD: &str = "board";
const FLOOR: &str = "floor";
const GENERATION: &str = "generation";
const CURRENT: &str = "current";
const GRANT: &str = "grant.json";
const SERVICE: &str = "service.json";
const CONFIRMED: &str = "confirmed";
/// Folders of grants begin with it, and a number follows that only grows.
const FOLDER: &str = "grant-";

/// Where a registrar is and how it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Where to ask.
    pub endpoint: Endpoint,
    /// Of the authorities to trust.
    pub pins: Vec<Fingerprint>,
    /// Where the endpoint is when its name cannot be looked up.
    #[serde(default)]
    pub addresses: Vec<std::net::IpAddr>,
}

impl Service {
    /// As the card says.
    #[must_use]
    pub fn of(invitation: &Invitation) -> Self {
        Self {
            endpoint: invitation.endpoint.clone(),
            pins: invitation.pins.clone(),
            addresses: invitation.addresses.clone(),
        }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Both keys.
    pub keys: Option<Keys>,
    /// The grant that counts.
    pub grant: Option<HeldGrant>,
    /// Seconds since 1970.
    pub floor: u64,
    /// Of the latest grant, also when it is not sound any more.
    pub generation: u64,
}

/// The keys of the node.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Who the node is.
    pub device: Arc<Key>,
    /// With which it talks to a broker.
    pub mqtt: Arc<Key>,
    /// On which board they were made; empty: it had no number.
    pub board: String,
}

impl Keys {
    /// The identity.
    #[must_use]
    pub fn identity(&self) -> Fingerprint {
        self.device.public().fingerprint()
    }
}

/// A grant that is installed and sound.
#[derive(Debug, Clone)]
pub struct HeldGrant {
    /// What it says.
    pub grant: Grant,
    /// Who gave it.
    pub service: Service,
    /// Whether its node was ready.
    pub confirmed: bool,
}

/// The state folder as what it means.
#[derive(Debug, Clone)]
pub struct Store(Arc<dyn Disk>);

impl Store {
    /// On a disk.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self(disk)
    }

    /// Looks at everything.
    ///
    /// # Errors
    ///
    /// The disk cannot be read: what is on it may be sound, and must not be made anew.
    pub fn look(&self) -> io::Result<Holdings> {
        let keys = self.keys()?;
        let grant = match &keys {
            Some(keys) => self.grant(&keys.identity())?,
            None => None,
        };
        Ok(Holdings {
            keys,
            grant,
            floor: self.number(FLOOR)?,
            generation: self.number(GENERATION)?,
        })
    }

    fn keys(&self) -> io::Result<Option<Keys>> {
        let read = |name| {
            let bytes = self.maybe(name)?.map(zeroize::Zeroizing::new);
            let key = bytes.and_then(|bytes| Key::from_pkcs8(&bytes).ok());
            io::Result::Ok(key.map(Arc::new))
        };
        let (Some(device), Some(mqtt)) = (read(KEY)?, read(MQTT)?) else {
            return Ok(None);
        };
        let board = self.maybe(BOARD)?.unwrap_or_default();
        let board = String::from_utf8(board).unwrap_or_default();
        Ok(Some(Keys {
            device,
            mqtt,
            board,
        }))
    }

    fn grant(&self, device: &Fingerprint) -> io::Result<Option<HeldGrant>> {
        let Some(folder) = none_if_absent(self.0.target(CURRENT))? else {
            return Ok(None);
        };
        let file = |name| self.maybe(&format!("{folder}/{name}"));
        let (Some(signed), Some(service)) = (file(GRANT)?, file(SERVICE)?) else {
            return Ok(None);
        };
        let confirmed = file(CONFIRMED)?.is_some();
        let sound = || {
            let service: Service = serde_json::from_slice(&service).ok()?;
            let signed: Signed<Grant> = serde_json::from_slice(&signed).ok()?;
            let grant = signed.open(&service.pins).ok()?;
            is_ours(&grant, device).then_some(HeldGrant {
                grant,
                service,
                confirmed,
            })
        };
        let held = sound();
        if held.is_none() {
            tracing::warn!(
                folder,
                "the installed grant is not sound, and does not count"
            );
        }
        Ok(held)
    }

    /// Makes the keys. Those that are there and sound stay.
    ///
    /// # Errors
    ///
    /// They cannot be written.
    pub fn make_keys(&self, board: &str) -> io::Result<()> {
        let generate = || Key::generate().map_err(io::Error::other);
        self.set_damaged_aside()?;
        self.0.write(BOARD, board.as_bytes())?;
        self.0.write(MQTT, &generate()?)?;
        self.0.write(KEY, &generate()?)
    }

    /// A damaged key is no key any more; it stays for who wants to look at it.
    fn set_damaged_aside(&self) -> io::Result<()> {
        if let Some(damaged) = self.maybe(KEY)? {
            tracing::warn!(
                "the key is damaged: it is set aside as `key.bad`, and the node becomes another one"
            );
            self.0.write("key.bad", &damaged)?;
        }
        Ok(())
    }

    /// Installs a grant that was verified. It counts when all of it is on the disk.
    ///
    /// # Errors
    ///
    /// It cannot be written; the one before still counts.
    pub fn install(&self, text: &[u8], grant: &Grant, service: &Service) -> io::Result<()> {
        let folder = format!("{FOLDER}{}", self.next()?);
        // The pins that hold from now on.
        let service = Service {
            pins: grant.ca_sha256.clone(),
            ..service.clone()
        };
        let service = serde_json::to_vec(&service)?;
        self.0.folder(&folder)?;
        self.0.write(&format!("{folder}/{SERVICE}"), &service)?;
        self.0.write(&format!("{folder}/{GRANT}"), text)?;
        self.raise_floor(grant.server_time)?;
        self.0
            .write(GENERATION, grant.generation.to_string().as_bytes())?;
        self.0.point(CURRENT, &folder)?;
        // What is left of others is no harm: it goes at the next time if it cannot go now.
        let _ = self.clean(&folder);
        Ok(())
    }

    /// Writes down that the node was ready with the grant that counts.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn confirm(&self) -> io::Result<()> {
        let folder = self.0.target(CURRENT)?;
        self.0.write(&format!("{folder}/{CONFIRMED}"), b"")
    }

    /// Learns new pins from the registrar that we trust.
    ///
    /// # Errors
    ///
    /// They cannot be written.
    pub fn learn(&self, service: &Service) -> io::Result<()> {
        let folder = self.0.target(CURRENT)?;
        let text = serde_json::to_vec(service)?;
        self.0.write(&format!("{folder}/{SERVICE}"), &text)
    }

    /// Believes no time before this one from now on.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn raise_floor(&self, time: u64) -> io::Result<()> {
        if self.number(FLOOR)? < time {
            self.0.write(FLOOR, time.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// 0: there is none, or it is damaged.
    fn number(&self, name: &str) -> io::Result<u64> {
        let text = self
            .maybe(name)?
            .and_then(|text| String::from_utf8(text).ok());
        let number = text.and_then(|text| text.trim().parse().ok());
        Ok(number.unwrap_or(0))
    }

    fn next(&self) -> io::Result<u64> {
        let names = self.0.list()?;
        let numbers = names.iter().filter_map(|name| number(name));
        Ok(numbers.max().unwrap_or(0) + 1)
    }

    fn clean(&self, current: &str) -> io::Result<()> {
        for name in self.0.list()? {
            if number(&name).is_some() && name != current {
                self.0.remove(&name)?;
            }
        }
        Ok(())
    }

    fn maybe(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        none_if_absent(self.0.read(name))
    }
}

/// Whether a grant is for this key, and as it should be.
#[must_use]
pub fn is_ours(grant: &Grant, device: &Fingerprint) -> bool {
    grant.version == vigla_fleet::wire::VERSION
        && grant.device == *device
        && grant.node == node_name(device)
        && !grant.ca_sha256.is_empty()
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(FOLDER)?.parse().ok()
}

fn none_if_absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
