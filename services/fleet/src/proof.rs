//! The proof: who holds the claim shows it without saying it, for one key, one server and one attempt.
//!
//! ```text
//!  claim ──HKDF-SHA-256, info "vigla enrol v1"──► proof key (kept by the registrar instead of the claim)
//!  proof = HMAC-SHA-256(proof key, transcript)
//!  transcript = length-prefixed: "vigla enrol v1", fingerprint of the server key that the device saw,
//!               SHA-256 of the CSR, that of the second CSR or nothing, nonce, generation, name of the claim, and all else that the request says
//! ```
//!
//! Somebody between device and registrar shows a key of his own, so the proof that he gets is worth
//! nothing at the real one. The device signs the same transcript with its own key.

use std::fmt;

use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::claim::{Claim, ClaimId};
use crate::fingerprint::Fingerprint;
use crate::text::{Parts, sha256};

const LABEL: &str = "vigla enrol v1";
/// Bytes of a proof, and of a proof key.
pub const SIZE: usize = 32;

/// What is derived from a claim: whoever has it can prove and verify, but not name the claim.
#[derive(Clone, PartialEq, Eq)]
pub struct ProofKey(Zeroizing<[u8; SIZE]>);

impl ProofKey {
    /// Of a claim.
    ///
    /// # Panics
    ///
    /// Never: HKDF gives as many bytes as its hash has.
    #[must_use]
    pub fn of(claim: &Claim) -> Self {
        let id = claim.id();
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, id.as_str().as_bytes());
        let secret = salt.extract(claim.symbols().as_bytes());
        let mut key = Zeroizing::new([0; SIZE]);
        secret
            .expand(&[LABEL.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|derived| derived.fill(&mut key[..]))
            .expect("32 bytes are as many as the hash gives");
        Self(key)
    }

    /// As the registrar kept it.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SIZE]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// For the registrar to keep. Not for messages.
    #[must_use]
    pub fn reveal(&self) -> &[u8; SIZE] {
        &self.0
    }

    /// The proof of a transcript.
    #[must_use]
    pub fn prove(&self, transcript: &Transcript<'_>) -> [u8; SIZE] {
        let mut proof = [0; SIZE];
        proof.copy_from_slice(hmac::sign(&self.key(), &transcript.bytes()).as_ref());
        proof
    }

    /// Whether this is the proof of that transcript; takes as long for a wrong one as for a right one.
    #[must_use]
    pub fn verifies(&self, transcript: &Transcript<'_>, proof: &[u8]) -> bool {
        hmac::verify(&self.key(), &transcript.bytes(), proof).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0[..])
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(..)")
    }
}

/// What a proof is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transcript<'t> {
    /// Of the key that the server showed in TLS.
    pub server: Fingerprint,
    /// In DER.
    pub csr: &'t [u8],
    /// In DER, that of the second key, if there is one.
    pub mqtt_csr: Option<&'t [u8]>,
    /// Random, new for each attempt.
    pub nonce: &'t [u8],
    /// See [`crate::wire::Request::generation`].
    pub generation: u64,
    /// `None`: the key is to be known already.
    pub claim: Option<&'t ClaimId>,
    /// The rest of the request: boot, hardware, model, version.
    pub facts: [&'t str; 4],
}

impl Transcript<'_> {
    /// The bytes that are proved and signed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let claim = self.claim.map_or("", ClaimId::as_str);
        let mqtt = self.mqtt_csr.map(sha256);
        let mqtt = mqtt.as_ref().map_or(&[][..], |sum| &sum[..]);
        let parts = Parts::new(LABEL)
            .with(self.server.bytes())
            .with(&sha256(self.csr))
            .with(mqtt)
            .with(self.nonce)
            .with(&self.generation.to_be_bytes())
            .with(claim.as_bytes());
        let facts = self.facts.iter();
        facts
            .fold(parts, |parts, fact| parts.with(fact.as_bytes()))
            .end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "0000-0000-0000-0000-0000-0000-0000-0000-0000";

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    fn transcript<'t>(claim: &'t ClaimId, nonce: &'t [u8]) -> Transcript<'t> {
        Transcript {
            server: Fingerprint::of_spki(b"server"),
            csr: b"csr",
            mqtt_csr: Some(b"mqtt"),
            nonce,
            generation: 7,
            claim: Some(claim),
            facts: ["boot", "hardware", "model", "version"],
        }
    }

    /// Made with Python's `hmac` and `hashlib`: see the head of this module.
    #[test]
    fn vectors() {
        let claim: Claim = ZERO.parse().unwrap();
        let key = ProofKey::of(&claim);
        assert_eq!(hex(key.reveal()), KEY);
        let id = claim.id();
        let proof = key.prove(&transcript(&id, &[9; 32]));
        assert_eq!(hex(&proof), PROOF);
    }

    const KEY: &str = "b2d3939a0a85e701cb970f5d4ef93879c5b6ae371738e7c7285c61dfd3179a7c";
    const PROOF: &str = "0bb43614278889721e9ee636ee943efa9d34356c0de39f500f2d26656b31be82";

    #[test]
    fn a_proof_is_for_one_transcript() {
        let claim: Claim = ZERO.parse().unwrap();
        let (key, id) = (ProofKey::of(&claim), claim.id());
        let right = transcript(&id, &[9; 32]);
        let proof = key.prove(&right);
        assert!(key.verifies(&right, &proof));
        let wrong = [
            Transcript {
                server: Fingerprint::of_spki(b"between"),
                ..right
            },
            Transcript {
                csr: b"other",
                ..right
            },
            Transcript {
                mqtt_csr: None,
                ..right
            },
            Transcript {
                nonce: &[8; 32],
                ..right
            },
            Transcript {
                generation: 8,
                ..right
            },
            Transcript {
                claim: None,
                ..right
            },
            Transcript {
                facts: ["boo", "thardware", "model", "version"],
                ..right
            },
        ];
        for wrong in wrong {
            assert!(!key.verifies(&wrong, &proof), "{wrong:?}");
        }
        assert!(!key.verifies(&right, &proof[..31]));
        assert!(!key.verifies(&right, b""));
        assert_eq!(format!("{key:?}"), "ProofKey(..)");
    }
}
