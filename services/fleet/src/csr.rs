//! Requests for certificates (PKCS #10). Only the key in it counts: what else it says is for people.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose};

use crate::identity::{ForCertificates, Signer, node_name};

/// Most bytes that a request has; ours have about 250.
pub const LARGEST: usize = 4096;

/// A request for a client certificate under the name of the node, in DER.
///
/// # Errors
///
/// The key does not sign.
pub fn make(key: &dyn Signer) -> Result<Vec<u8>, rcgen::Error> {
    let request = params(key).serialize_request(&ForCertificates(key))?;
    Ok(request.der().to_vec())
}

/// A certificate of the key by itself, in DER: what a device shows when it is asked who it is. There is
/// nothing to trust in it but the key, so it is valid for ever.
///
/// # Errors
///
/// The key does not sign.
pub fn self_signed(key: &dyn Signer) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = params(key);
    params.not_before = rcgen::date_time_ymd(1970, 1, 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let certificate = params.self_signed(&ForCertificates(key))?;
    Ok(certificate.der().to_vec())
}

fn params(key: &dyn Signer) -> CertificateParams {
    let mut params = CertificateParams::default();
    let name = node_name(&key.public().fingerprint());
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// The key for which a certificate is asked, when the request is signed by it and it is of P-256.
#[cfg(feature = "csr")]
#[must_use]
pub fn read(der: &[u8]) -> Option<crate::identity::PublicKey> {
    use rcgen::PublicKeyData as _;
    if der.len() > LARGEST {
        return None;
    }
    let request = rcgen::CertificateSigningRequestParams::from_der(&der.into()).ok()?;
    let p256 = request.public_key.algorithm() == &rcgen::PKCS_ECDSA_P256_SHA256;
    let spki = request.public_key.subject_public_key_info();
    p256.then(|| crate::identity::PublicKey::of_spki(&spki))?
}
