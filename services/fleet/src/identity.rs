//! Keys: who a device is, and whose signature a grant bears. All are P-256.
//!
//! A device is its public key: the fingerprint of the key is its identity, and the first 20 hex digits
//! of that are in the name of its node. Whether the private half is a file or inside a TPM is behind
//! [`Signer`].

use std::fmt;

use rcgen::PublicKeyData;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use zeroize::Zeroizing;

use crate::fingerprint::Fingerprint;

/// What stands before the point in the DER of a P-256 public key.
const HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point.
const POINT: usize = 65;
/// Hex digits of the fingerprint in the name of a device.
const ID: usize = 20;

/// A P-256 public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
}

impl PublicKey {
    /// From a `SubjectPublicKeyInfo` in DER; `None`: not of a P-256 key as we write it.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Option<Self> {
        let point = spki.strip_prefix(&HEAD[..])?;
        let whole = point.len() == POINT && point[0] == 4;
        whole.then(|| Self {
            spki: spki.to_vec(),
        })
    }

    fn of_point(point: &[u8]) -> Option<Self> {
        Self::of_spki(&[&HEAD[..], point].concat())
    }

    /// The `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The identity.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_spki(&self.spki)
    }

    /// Whether this key made the signature (ECDSA with SHA-256, in ASN.1).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.point())
            .verify(message, signature)
            .is_ok()
    }

    fn point(&self) -> &[u8] {
        &self.spki[HEAD.len()..]
    }
}

/// The short identity that people see: 20 hex digits.
#[must_use]
pub fn device_id(key: &Fingerprint) -> String {
    let mut id = key.to_string();
    id.truncate(ID);
    id
}

/// What the device is called in the cluster and on every message once it is enrolled.
#[must_use]
pub fn node_name(key: &Fingerprint) -> String {
    format!("vigla-{}", device_id(key))
}

/// The holder of a private key.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The other half.
    fn public(&self) -> &PublicKey;

    /// ECDSA with SHA-256, in ASN.1.
    ///
    /// # Errors
    ///
    /// The holder cannot sign now.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign>;
}

/// A private key did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot sign")]
pub struct CannotSign;

/// A private key in memory.
pub struct Key {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

/// Why a key is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no P-256 private key in PKCS #8")]
pub struct NoKey;

impl Key {
    /// A new one, as PKCS #8 in DER, to be kept where nobody else reads it.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, CannotSign> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|_| CannotSign)?;
        Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    /// From PKCS #8 in DER.
    ///
    /// # Errors
    ///
    /// It is damaged, or of another kind.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, NoKey> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random)
            .map_err(|_| NoKey)?;
        let public = PublicKey::of_point(pair.public_key().as_ref()).ok_or(NoKey)?;
        Ok(Self { pair, public })
    }
}

impl Signer for Key {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| CannotSign)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.public.fingerprint())
    }
}

/// A [`Signer`] where certificates and requests for them are made.
#[derive(Debug)]
pub struct ForCertificates<'k>(pub &'k dyn Signer);

impl PublicKeyData for ForCertificates<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public().point()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for ForCertificates<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0
            .sign(message)
            .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_public_half() {
        let pkcs8 = Key::generate().unwrap();
        let key = Key::from_pkcs8(&pkcs8).unwrap();
        let again = PublicKey::of_spki(key.public().spki()).unwrap();
        assert_eq!(&again, key.public());
        let signature = key.sign(b"this").unwrap();
        assert!(again.verifies(b"this", &signature));
        assert!(!again.verifies(b"that", &signature));
        let spki = ForCertificates(&key).subject_public_key_info();
        assert_eq!(spki, key.public().spki());
        let name = node_name(&again.fingerprint());
        assert_eq!((name.len(), &name[..6]), (26, "vigla-"));
        assert!(again.fingerprint().to_string().starts_with(&name[6..]));
    }

    #[test]
    fn what_is_no_p256_key_is_refused() {
        assert_eq!(Key::from_pkcs8(b"").unwrap_err(), NoKey);
        assert_eq!(PublicKey::of_spki(&HEAD), None);
        assert_eq!(PublicKey::of_spki(&[&HEAD[..], &[2; POINT]].concat()), None);
    }
}
