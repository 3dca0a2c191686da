//! The device's view: is this a server of the pinned authority?

use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme, version,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::provider;
use crate::fingerprint::Fingerprint;

/// Certificates that a server may send.
const LONGEST_CHAIN: usize = 4;

/// Trusts the servers of an authority that is known by its key.
#[derive(Debug)]
pub struct Pinned {
    pins: Vec<Fingerprint>,
    floor: Duration,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    /// `floor`: seconds since 1970 before which it certainly is not.
    #[must_use]
    pub fn new(pins: Vec<Fingerprint>, floor: u64) -> Self {
        Self {
            pins,
            floor: Duration::from_secs(floor),
            algorithms: provider().signature_verification_algorithms,
        }
    }

    /// How a device talks to its registrar: TLS 1.3, this trust, and nothing remembered between connections.
    ///
    /// # Errors
    ///
    /// The key of the device does not fit its certificate.
    pub fn client(self, device: Option<CertifiedKey>) -> Result<ClientConfig, Error> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self));
        let mut config = match device {
            Some(key) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
            None => config.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = Chain::new(end_entity, intermediates, &self.pins)?;
        chain.is_valid_after(self.floor)?;
        chain
            .leaf
            .verify_is_valid_for_subject_name(server_name)
            .map_err(|_| Error::from(CertificateError::NotValidForName))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The server that a connection was made to.
#[derive(Debug, Clone)]
pub struct Seen {
    chain: Vec<CertificateDer<'static>>,
    pins: Vec<Fingerprint>,
    /// Of its key: what a proof is bound to.
    pub server: Fingerprint,
}

impl Seen {
    /// From what a connection that [`Pinned`] let through says of its peer.
    #[must_use]
    pub fn of(chain: &[CertificateDer<'_>], pins: &[Fingerprint]) -> Option<Self> {
        let server = Fingerprint::of_certificate(chain.first()?)?;
        let chain = chain.iter().map(|der| der.clone().into_owned()).collect();
        let pins = pins.to_vec();
        Some(Self {
            chain,
            pins,
            server,
        })
    }

    /// Whether its certificate was valid at this time, in seconds since 1970.
    #[must_use]
    pub fn was_valid_at(&self, time: u64) -> bool {
        let Some((leaf, above)) = self.chain.split_first() else {
            return false;
        };
        let chain = Chain::new(leaf, above, &self.pins);
        chain.is_ok_and(|chain| chain.is_valid_at(Duration::from_secs(time)).is_ok())
    }
}

struct Chain<'c> {
    leaf: EndEntityCert<'c>,
    above: &'c [CertificateDer<'c>],
    anchors: Vec<rustls_pki_types::TrustAnchor<'c>>,
}

impl<'c> Chain<'c> {
    fn new(
        leaf: &'c CertificateDer<'c>,
        above: &'c [CertificateDer<'c>],
        pins: &[Fingerprint],
    ) -> Result<Self, CertificateError> {
        if above.len() >= LONGEST_CHAIN {
            return Err(CertificateError::BadEncoding);
        }
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| CertificateError::BadEncoding)?;
        let anchors: Vec<_> = above
            .iter()
            .filter(|der| Fingerprint::of_certificate(der).is_some_and(|key| pins.contains(&key)))
            .filter_map(|der| webpki::anchor_from_trusted_cert(der).ok())
            .collect();
        if anchors.is_empty() {
            return Err(CertificateError::UnknownIssuer);
        }
        Ok(Self {
            leaf,
            above,
            anchors,
        })
    }

    /// There is a time, not before this one, at which it is valid.
    fn is_valid_after(&self, floor: Duration) -> Result<(), CertificateError> {
        let mut at = floor;
        for _ in 0..LONGEST_CHAIN {
            match self.is_valid_at(at) {
                Err(webpki::Error::CertNotValidYet { not_before, .. }) => {
                    at = at.max(Duration::from_secs(not_before.as_secs()));
                }
                Err(webpki::Error::CertExpired { .. }) => return Err(CertificateError::Expired),
                Err(webpki::Error::UnknownIssuer) => return Err(CertificateError::UnknownIssuer),
                Err(_) => return Err(CertificateError::BadSignature),
                Ok(()) => return Ok(()),
            }
        }
        Err(CertificateError::NotValidYet)
    }

    fn is_valid_at(&self, at: Duration) -> Result<(), webpki::Error> {
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        let at = UnixTime::since_unix_epoch(at);
        let usage = KeyUsage::server_auth();
        self.leaf
            .verify_for_usage(algorithms, &self.anchors, self.above, at, usage, None, None)
            .map(drop)
    }
}
