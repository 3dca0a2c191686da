//! The registrar's view: which key is at the other end? And the device's half of the same.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, Signer as Scheme, SigningKey};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureAlgorithm,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use webpki::EndEntityCert;

use super::provider;
use crate::csr;
use crate::identity::{PublicKey, Signer};

/// Lets in whoever has a P-256 key, and whoever shows none: a server asks [`device_of`] whom it talks to.
#[derive(Debug)]
pub struct AnyDevice(WebPkiSupportedAlgorithms);

impl AnyDevice {
    /// For the configuration of a server.
    #[must_use]
    pub fn verifier() -> Arc<Self> {
        Arc::new(Self(provider().signature_verification_algorithms))
    }
}

/// Whom a server talks to: the key in the first of the peer's certificates, which TLS has shown the peer
/// to hold.
#[must_use]
pub fn device_of(chain: &[CertificateDer<'_>]) -> Option<PublicKey> {
    let certificate = EndEntityCert::try_from(chain.first()?).ok()?;
    PublicKey::of_spki(&certificate.subject_public_key_info())
}

impl ClientCertVerifier for AnyDevice {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let one = intermediates.is_empty() && end_entity.len() <= csr::LARGEST;
        let known = one && device_of(std::slice::from_ref(end_entity)).is_some();
        if known {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::BadEncoding.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// A device's key as TLS takes it, with its self-made certificate.
///
/// # Errors
///
/// The key does not sign.
pub fn certified(key: Arc<dyn Signer>) -> Result<CertifiedKey, rcgen::Error> {
    let certificate = csr::self_signed(&*key)?;
    let chain = vec![CertificateDer::from(certificate)];
    Ok(CertifiedKey::new(chain, Arc::new(ForTls(key))))
}

#[derive(Debug, Clone)]
struct ForTls(Arc<dyn Signer>);

impl SigningKey for ForTls {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Scheme>> {
        let ours = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        ours.then(|| Box::new(self.clone()) as Box<dyn Scheme>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.0.public().spki()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Scheme for ForTls {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0
            .sign(message)
            .map_err(|_| Error::General("the device's key cannot sign".to_owned()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
