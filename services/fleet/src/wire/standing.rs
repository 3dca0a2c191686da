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
