//! Something signed by the service, which says so wherever it is kept.
//!
//! The signature is made by a certificate that is for signing (extended key usage `codeSigning`, which
//! those of TLS servers do not have) and stands below an authority whose pin the reader knows. The
//! authority's own certificate comes along; only its key counts. Validity is judged at the time that the
//! signed text itself names: who reads it has no clock to trust, and keeps a floor below which it does
//! not believe any time.

use std::marker::PhantomData;

use rustls_pki_types::{CertificateDer, UnixTime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use webpki::{EndEntityCert, ring::ECDSA_P256_SHA256};

use crate::fingerprint::Fingerprint;
use crate::identity::{CannotSign, Signer};
use crate::text::{Parts, base64_bytes, base64_list};

/// `1.3.6.1.5.5.7.3.3` without its head.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// Leaf, something between, two authorities.
const LONGEST_CHAIN: usize = 4;

/// What can be signed.
pub trait Signable: Serialize + DeserializeOwned {
    /// What a signature is for; goes into it, so that it is good for nothing else.
    const PURPOSE: &'static str;

    /// Seconds since 1970 at which the signer made it.
    fn made_at(&self) -> u64;
}

/// A text with the signature of the service below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    /// JSON, as it was signed.
    #[serde(with = "base64_bytes")]
    body: Vec<u8>,
    #[serde(with = "base64_bytes")]
    signature: Vec<u8>,
    /// The signer's certificate, and those up to the authority, in DER.
    #[serde(with = "base64_list")]
    chain: Vec<Vec<u8>>,
    #[serde(skip)]
    what: PhantomData<T>,
}

/// Why a signed text is not believed.
#[derive(Debug, thiserror::Error)]
pub enum NotTrusted {
    /// The certificates are too many, none, or damaged.
    #[error("the certificates of the signature cannot be read")]
    Chain,
    /// Somebody else's.
    #[error("the signature is of an authority that is not pinned")]
    Authority,
    /// Something was changed.
    #[error("the signature does not fit the text")]
    Signature,
    /// Signed, but by nobody who may, or not at that time.
    #[error("the signer may not sign this: {0}")]
    Signer(webpki::Error),
    /// Signed, but not what it should be.
    #[error("the signed text is not of this kind")]
    Text,
}

/// Something could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum CannotSeal {
    /// Not as JSON.
    #[error("write it as JSON")]
    Text(#[source] serde_json::Error),
    /// The key.
    #[error("sign it")]
    Sign(#[source] CannotSign),
}

impl<T: Signable> Signed<T> {
    /// Signs. `chain`: the signer's certificate first, the authority's last, in DER.
    ///
    /// # Errors
    ///
    /// The key does not sign.
    pub fn seal(value: &T, key: &dyn Signer, chain: Vec<Vec<u8>>) -> Result<Self, CannotSeal> {
        let body = serde_json::to_vec(value).map_err(CannotSeal::Text)?;
        let signature = key.sign(&message::<T>(&body)).map_err(CannotSeal::Sign)?;
        Ok(Self {
            body,
            signature,
            chain,
            what: PhantomData,
        })
    }

    /// What was signed, when it was signed by who may: someone below an authority with one of these pins.
    ///
    /// # Errors
    ///
    /// Why it is not believed.
    pub fn open(&self, pins: &[Fingerprint]) -> Result<T, NotTrusted> {
        let [leaf, above @ ..] = &self.chain[..] else {
            return Err(NotTrusted::Chain);
        };
        if self.chain.len() > LONGEST_CHAIN {
            return Err(NotTrusted::Chain);
        }
        let leaf = CertificateDer::from(&leaf[..]);
        let signer = EndEntityCert::try_from(&leaf).map_err(|_| NotTrusted::Chain)?;
        signer
            .verify_signature(
                ECDSA_P256_SHA256,
                &message::<T>(&self.body),
                &self.signature,
            )
            .map_err(|_| NotTrusted::Signature)?;
        let value: T = serde_json::from_slice(&self.body).map_err(|_| NotTrusted::Text)?;
        let above: Vec<_> = above
            .iter()
            .map(|der| CertificateDer::from(&der[..]))
            .collect();
        let anchors: Vec<_> = above
            .iter()
            .filter(|der| Fingerprint::of_certificate(der).is_some_and(|key| pins.contains(&key)))
            .filter_map(|der| webpki::anchor_from_trusted_cert(der).ok())
            .collect();
        if anchors.is_empty() {
            return Err(NotTrusted::Authority);
        }
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(value.made_at()));
        let usage = webpki::KeyUsage::required(CODE_SIGNING);
        signer
            .verify_for_usage(
                &[ECDSA_P256_SHA256],
                &anchors,
                &above,
                at,
                usage,
                None,
                None,
            )
            .map_err(NotTrusted::Signer)?;
        Ok(value)
    }
}

fn message<T: Signable>(body: &[u8]) -> Vec<u8> {
    Parts::new(T::PURPOSE).with(body).end()
}
