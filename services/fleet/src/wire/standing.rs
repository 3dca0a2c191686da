//! How a device stands with its registrar.

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::wire::NoAnswer;

/// Where a device is on its way, in the words of the resource `Device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Somebody has to approve it.
    Pending,
    /// A grant was made.
    Granted,
    /// Its node was seen, and is not ready.
    Joining,
    /// Its node was ready.
    Active,
    /// The operator has suspended it.
    Suspended,
    /// Two devices use its key.
    CloneSuspected,
    /// The operator has forgotten it.
    Forgotten,
    /// Something that a newer registrar knows.
    #[serde(other)]
    Other,
}

/// The answer to "how do I stand?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Where the device is.
    pub phase: Phase,
    /// The name of its node.
    pub node: String,
    /// Of the grant that counts: an older one on the device is to be replaced.
    pub generation: u64,
    /// The registrar can do nothing for the device with the grant it has: it is to enrol again (its node was
    /// deleted, or its certificates ran out).
    #[serde(default)]
    pub enrol_again: bool,
    /// Seconds since 1970, as the registrar knows them.
    pub server_time: u64,
    /// The pins that hold from now on, when the device is to learn new ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ca_sha256: Vec<Fingerprint>,
}

/// What a device says of itself when it asks how it stands: two that use one key give themselves away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Of the grant that it holds.
    pub generation: u64,
    /// Of this start of the machine: 32 hex digits.
    pub boot_id: String,
    /// See [`crate::wire::Facts::hardware`].
    pub hardware: String,
    /// Of the image; empty: it does not say.
    pub version: String,
    /// The slot of the image that runs; empty: it does not say.
    pub slot: String,
}

impl Report {
    /// Path and query.
    #[must_use]
    pub fn path(&self) -> String {
        let Self {
            generation,
            boot_id,
            hardware,
            version,
            slot,
        } = self;
        let mut path = format!(
            "{}?generation={generation}&boot_id={boot_id}&hardware={hardware}",
            super::SELF
        );
        // What cannot be said in a query is left out: it is for people only.
        for (key, value) in [("version", version), ("slot", slot)] {
            if !value.is_empty() && is_plain(value) {
                path = format!("{path}&{key}={value}");
            }
        }
        path
    }

    /// Reads a query. `None`: something is missing or is not what it should be; other keys are ignored.
    #[must_use]
    pub fn read(query: &str) -> Option<Self> {
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let hex = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let plain = |key| value(key).filter(|text| is_plain(text)).unwrap_or_default();
        let (boot_id, hardware) = (value("boot_id")?, value("hardware")?);
        (hex(boot_id) && hex(hardware)).then(|| {
            Some(Self {
                generation: value("generation")?.parse().ok()?,
                boot_id: boot_id.to_owned(),
                hardware: hardware.to_owned(),
                version: plain("version").to_owned(),
                slot: plain("slot").to_owned(),
            })
        })?
    }
}

/// What stands in a query as it is, and is shown to people.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~+-".contains(&byte);
    text.len() <= 64 && text.bytes().all(plain)
}

impl Standing {
    /// Reads the body of an answer.
    ///
    /// # Errors
    ///
    /// It is too large, or none.
    pub fn read(body: &[u8]) -> Result<Self, NoAnswer> {
        super::read(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_back_and_nonsense_is_none() {
        let report = Report {
            generation: 3,
            boot_id: "5b1e6bd60f5e4d6f8f432f6f3a4d9f11".to_owned(),
            version: "1.2.3-rc.1+abc".to_owned(),
            slot: "b".to_owned(),
            ..Report::default()
        };
        let path = report.path();
        let query = path.split_once('?').map(|(_, query)| query).unwrap();
        assert_eq!(Report::read(query), Some(report));
        let older = Report::read("generation=3&boot_id=a&hardware=").unwrap();
        assert_eq!(older.version, "");
        let odd = Report::read("generation=3&boot_id=a&hardware=&slot=<b>").unwrap();
        assert_eq!(odd.slot, "");
        for wrong in [
            "",
            "generation=3",
            "generation=-1&boot_id=a&hardware=",
            "generation=1&boot_id=x&hardware=",
        ] {
            assert_eq!(Report::read(wrong), None, "{wrong}");
        }
    }
}
