//! Why a registrar says no, in a word each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Words are for ever; a new one is [`Refusal::Other`] to an older device. Which state a claim is in is
/// only told to who has proved to hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The request cannot be read, or is too large.
    Malformed,
    /// The request has a major version that this registrar does not know.
    VersionUnknown,
    /// Nobody made this claim, or it was deleted.
    ClaimUnknown,
    /// Its time is over.
    ClaimExpired,
    /// It was taken back.
    ClaimRevoked,
    /// As many devices as it is for have used it.
    ClaimUsedUp,
    /// It is for other models.
    ClaimOtherModel,
    /// The device brought none and its key is not known.
    ClaimNeeded,
    /// Claim, signature or server key do not fit the request.
    ProofWrong,
    /// The key belongs to a device that was enrolled with another claim's group or another hardware.
    KeyKnownElsewhere,
    /// Two devices use this key: the operator has to choose one.
    CloneSuspected,
    /// The operator has suspended the device.
    Suspended,
    /// The operator has forgotten the device: it needs a new claim.
    Forgotten,
    /// Another device has the name of this node.
    NameClash,
    /// Too many requests with this claim or from this address.
    TooMany,
    /// The registrar or its cluster cannot answer now.
    Busy,
    /// A word that a newer registrar knows.
    #[serde(other)]
    Other,
}

/// What a refusal means for who was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Ask again later, nothing is to be done.
    Later,
    /// A person has to do something at the device or in the cloud; the device asks again, rarely.
    Person,
    /// The identity is in doubt: a person has to choose in the cloud.
    Clone,
}

impl Refusal {
    /// All but [`Refusal::Other`].
    pub const ALL: [Self; 16] = [
        Self::Malformed,
        Self::VersionUnknown,
        Self::ClaimUnknown,
        Self::ClaimExpired,
        Self::ClaimRevoked,
        Self::ClaimUsedUp,
        Self::ClaimOtherModel,
        Self::ClaimNeeded,
        Self::ProofWrong,
        Self::KeyKnownElsewhere,
        Self::CloneSuspected,
        Self::Suspended,
        Self::Forgotten,
        Self::NameClash,
        Self::TooMany,
        Self::Busy,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::VersionUnknown => "version-unknown",
            Self::ClaimUnknown => "claim-unknown",
            Self::ClaimExpired => "claim-expired",
            Self::ClaimRevoked => "claim-revoked",
            Self::ClaimUsedUp => "claim-used-up",
            Self::ClaimOtherModel => "claim-other-model",
            Self::ClaimNeeded => "claim-needed",
            Self::ProofWrong => "proof-wrong",
            Self::KeyKnownElsewhere => "key-known-elsewhere",
            Self::CloneSuspected => "clone-suspected",
            Self::Suspended => "suspended",
            Self::Forgotten => "forgotten",
            Self::NameClash => "name-clash",
            Self::TooMany => "too-many",
            Self::Busy => "busy",
            Self::Other => "other",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::VersionUnknown => 400,
            Self::KeyKnownElsewhere | Self::CloneSuspected | Self::NameClash => 409,
            Self::TooMany => 429,
            Self::Busy => 503,
            Self::ClaimUnknown
            | Self::ClaimExpired
            | Self::ClaimRevoked
            | Self::ClaimUsedUp
            | Self::ClaimOtherModel
            | Self::ClaimNeeded
            | Self::ProofWrong
            | Self::Suspended
            | Self::Forgotten
            | Self::Other => 403,
        }
    }

    /// What it means for who was refused.
    #[must_use]
    pub const fn meaning(self) -> Meaning {
        match self {
            Self::TooMany | Self::Busy => Meaning::Later,
            Self::KeyKnownElsewhere | Self::CloneSuspected => Meaning::Clone,
            Self::Malformed
            | Self::VersionUnknown
            | Self::ClaimUnknown
            | Self::ClaimExpired
            | Self::ClaimRevoked
            | Self::ClaimUsedUp
            | Self::ClaimOtherModel
            | Self::ClaimNeeded
            | Self::ProofWrong
            | Self::Suspended
            | Self::Forgotten
            | Self::NameClash
            | Self::Other => Meaning::Person,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_json_has() {
        for refusal in Refusal::ALL {
            let json = serde_json::to_string(&refusal).unwrap();
            assert_eq!(json, format!("\"{refusal}\""));
            assert_eq!(serde_json::from_str::<Refusal>(&json).unwrap(), refusal);
        }
        let newer: Refusal = serde_json::from_str("\"moon-phase\"").unwrap();
        assert_eq!(newer, Refusal::Other);
    }
}
