//! The request of a device to join the fleet, or to be taken in again.

use serde::{Deserialize, Serialize};

use crate::claim::ClaimId;
use crate::fingerprint::Fingerprint;
use crate::identity::{PublicKey, Signer};
use crate::proof::{ProofKey, Transcript};
use crate::text::{base64_bytes, base64_maybe, hex32};
use crate::wire::{Refusal, VERSION};
use crate::{csr, proof};

/// Most bytes of a request that a registrar reads.
pub const LARGEST_REQUEST: usize = 16 * 1024;
/// Bytes of a nonce.
pub const NONCE: usize = 32;
/// Longest of the texts in a request, in bytes.
const LONGEST_TEXT: usize = 128;
/// ECDSA signatures of P-256 in ASN.1 have at most 72.
const LONGEST_SIGNATURE: usize = 80;

/// What a device is and runs, as it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Of this start of the machine.
    pub boot_id: String,
    /// SHA-256 of the serial number of the board, in hex; empty where there is none. It tells a card that
    /// moved, or was copied, to another board.
    #[serde(default)]
    pub hardware: String,
    /// Like `rpi4`.
    pub model: String,
    /// Of the image.
    pub version: String,
}

/// That the claim is known to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The public name of the claim.
    pub claim: String,
    /// See [`crate::proof`].
    #[serde(with = "base64_bytes")]
    pub proof: Vec<u8>,
}

/// `POST /v1/enrol`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// The request for a certificate, in DER.
    #[serde(with = "base64_bytes")]
    pub csr: Vec<u8>,
    /// The same for the key with which the device talks to a broker, which is not the key that it is known by:
    /// only one service reads that. `None`: it wants no such certificate.
    #[serde(
        default,
        with = "base64_maybe",
        skip_serializing_if = "Option::is_none"
    )]
    pub mqtt_csr: Option<Vec<u8>>,
    /// [`NONCE`] random bytes, new for each request.
    #[serde(with = "base64_bytes")]
    pub nonce: Vec<u8>,
    /// Counts the grants of this key, from 0. A device asks with that of the last grant that it holds; the
    /// grant that it gets has a greater one, but for a repeated request whose answer was lost. One that is
    /// smaller than what the registrar knows the device to hold comes from a copy of it.
    pub generation: u64,
    /// What the device is and runs.
    pub facts: Facts,
    /// `None`: the key is to be known already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Of the transcript, by the key of the request for a certificate.
    #[serde(with = "base64_bytes")]
    pub signature: Vec<u8>,
}

/// What a device asks, and of whom.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The claim and what is derived from it; `None`: the key is known already.
    pub claim: Option<(&'a ClaimId, &'a ProofKey)>,
    /// Of the key that the server showed.
    pub server: Fingerprint,
    /// New for each request.
    pub nonce: [u8; NONCE],
    /// See [`Request::generation`].
    pub generation: u64,
    /// See [`Request::mqtt_csr`].
    pub mqtt_csr: Option<Vec<u8>>,
    /// What the device is and runs.
    pub facts: Facts,
}

/// Why a request could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// The key does not sign.
    #[error("sign the request")]
    Sign(#[source] crate::identity::CannotSign),
    /// The request for a certificate could not be made.
    #[error("make the request for a certificate")]
    Csr(#[source] rcgen::Error),
}

impl Request {
    /// Makes a request.
    ///
    /// # Errors
    ///
    /// The key does not sign.
    pub fn make(key: &dyn Signer, ask: Ask<'_>) -> Result<Self, Unsound> {
        let mut request = Self {
            version: VERSION,
            csr: csr::make(key).map_err(Unsound::Csr)?,
            mqtt_csr: ask.mqtt_csr,
            nonce: ask.nonce.to_vec(),
            generation: ask.generation,
            facts: ask.facts,
            proof: None,
            signature: Vec::new(),
        };
        let id = ask.claim.map(|(id, _)| id);
        let transcript = request.transcript(ask.server, id);
        let signature = key.sign(&transcript.bytes()).map_err(Unsound::Sign)?;
        request.proof = ask.claim.map(|(id, key)| Proof {
            claim: id.to_string(),
            proof: key.prove(&transcript).to_vec(),
        });
        request.signature = signature;
        Ok(request)
    }

    /// Reads the body of a request; what is in it has sound sizes then, and nothing is verified.
    ///
    /// # Errors
    ///
    /// The word with which it is refused.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        if body.len() > LARGEST_REQUEST {
            return Err(Refusal::Malformed);
        }
        let head: Head = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
        if head.version != VERSION {
            return Err(Refusal::VersionUnknown);
        }
        let request: Self = serde_json::from_slice(body).map_err(|_| Refusal::Malformed)?;
        request
            .is_bounded()
            .then_some(request)
            .ok_or(Refusal::Malformed)
    }

    fn is_bounded(&self) -> bool {
        let Facts {
            boot_id,
            hardware,
            model,
            version,
        } = &self.facts;
        let text = |text: &String| {
            text.len() <= LONGEST_TEXT && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        };
        let proof = self.proof.as_ref().is_none_or(|proof| {
            proof.claim.parse::<ClaimId>().is_ok() && proof.proof.len() == proof::SIZE
        });
        proof
            && self.csr.len() <= csr::LARGEST
            && self
                .mqtt_csr
                .as_ref()
                .is_none_or(|csr| csr.len() <= csr::LARGEST)
            && self.nonce.len() == NONCE
            && self.signature.len() <= LONGEST_SIGNATURE
            && [boot_id, model, version].into_iter().all(text)
            && (hardware.is_empty() || hex32(hardware).is_some())
    }

    /// The public name of the claim, when one is brought.
    #[must_use]
    pub fn claim(&self) -> Option<ClaimId> {
        self.proof.as_ref()?.claim.parse().ok()
    }

    /// Whether the holder of the key made this request for the server with this fingerprint.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey, server: Fingerprint) -> bool {
        let claim = self.claim();
        let transcript = self.transcript(server, claim.as_ref());
        key.verifies(&transcript.bytes(), &self.signature)
    }

    /// Whether who made it knows the claim.
    #[must_use]
    pub fn is_proved_by(&self, key: &ProofKey, server: Fingerprint) -> bool {
        let claim = self.claim();
        let transcript = self.transcript(server, claim.as_ref());
        let proof = self.proof.as_ref();
        proof.is_some_and(|proof| key.verifies(&transcript, &proof.proof))
    }

    fn transcript<'t>(&'t self, server: Fingerprint, claim: Option<&'t ClaimId>) -> Transcript<'t> {
        let facts = &self.facts;
        Transcript {
            server,
            csr: &self.csr,
            mqtt_csr: self.mqtt_csr.as_deref(),
            nonce: &self.nonce,
            generation: self.generation,
            claim,
            facts: [
                &facts.boot_id,
                &facts.hardware,
                &facts.model,
                &facts.version,
            ],
        }
    }
}
