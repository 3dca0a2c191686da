//! HTTPS: our own certificate, made at the first start and kept, or the owner's.
//!
//! Nobody vouches for our own: the owner compares its fingerprint, which stands in the log and in
//! the report, with what the browser shows. It says nothing of time, since a node may have none
//! when it is made.

pub(crate) mod renewal;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use ring::digest;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    },
};
use vigla_bus::Problem;
use vigla_kit::{ConfigError, Context, Locator, atomic};

use crate::{
    config::{self, Settings},
    login::secret::hex,
};

/// What HTTPS needs.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// SHA-256 of the certificate, as browsers show it.
    pub(crate) fingerprint: String,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.fingerprint).finish()
    }
}

type Chain = Vec<CertificateDer<'static>>;

impl Tls {
    /// Takes the owner's certificate, or our own.
    ///
    /// # Errors
    ///
    /// The owner's cannot be used: bad configuration.
    pub(crate) fn open(context: &Context, settings: &Settings) -> anyhow::Result<Self> {
        if settings.tls.certificate.as_os_str().is_empty() {
            return Self::own(context, settings);
        }
        Ok(Self::theirs(&settings.tls, &context.locator)?)
    }

    /// The owner's certificate, which may be asked for by `--check` as well.
    pub(crate) fn theirs(theirs: &config::Tls, at: &Locator) -> Result<Self, ConfigError> {
        let wrong = |key: &str, path: &Path, error: &dyn std::fmt::Display| {
            let message = format!("cannot use `{}`: {error}", path.display());
            at.error(key, message)
        };
        let chain = CertificateDer::pem_file_iter(&theirs.certificate)
            .and_then(Iterator::collect::<Result<Chain, _>>)
            .map_err(|error| wrong("tls.certificate", &theirs.certificate, &error))?;
        if chain.is_empty() {
            let error = "it holds no certificate (PEM)";
            return Err(wrong("tls.certificate", &theirs.certificate, &error));
        }
        let key = PrivateKeyDer::from_pem_file(&theirs.key)
            .map_err(|error| wrong("tls.key", &theirs.key, &error))?;
        let tls = Self::of(chain, key);
        tls.map_err(|error| wrong("tls.key", &theirs.key, &format!("{error:#}")))
    }

    /// Our own, kept in the state folder.
    fn own(context: &Context, settings: &Settings) -> anyhow::Result<Self> {
        let files = Files::below(context.state_dir());
        match files.load() {
            Ok(Some(tls)) => return Ok(tls),
            Ok(None) => {}
            Err(error) => tracing::warn!("making another certificate: {error:#}"),
        }
        let node = vigla_kit::identity::node_id().unwrap_or_else(|| "vigla".to_owned());
        let (certificate, key) = make(&node, settings.listen.address().ip())?;
        if let Err(error) = files.keep(&certificate, &key) {
            tracing::error!(%error, "cannot keep the certificate, so the next start makes another");
            let folder = context.state_dir().display().to_string();
            context.problems.set(Problem::new("no-state", folder));
        }
        Self::of(vec![certificate], key.into())
    }

    fn of(chain: Chain, key: PrivateKeyDer<'static>) -> anyhow::Result<Self> {
        let certificate = chain.first().context("there is no certificate")?;
        let fingerprint = fingerprint(certificate);
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            fingerprint,
        })
    }
}

/// Where our own is kept.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn below(folder: &Path) -> Self {
        Self {
            certificate: folder.join("certificate.der"),
            key: folder.join("key.der"),
        }
    }

    /// What is kept; nothing when there is none, an error when the two do not go together.
    fn load(&self) -> anyhow::Result<Option<Tls>> {
        if !self.certificate.exists() {
            return Ok(None);
        }
        let certificate = std::fs::read(&self.certificate).context("read the certificate")?;
        let key = std::fs::read(&self.key).context("read its key")?;
        let key = PrivatePkcs8KeyDer::from(key);
        Tls::of(vec![certificate.into()], key.into()).map(Some)
    }

    /// The key first: a certificate without one is not taken.
    fn keep(
        &self,
        certificate: &CertificateDer<'_>,
        key: &PrivatePkcs8KeyDer<'_>,
    ) -> std::io::Result<()> {
        atomic::write(&self.key, key.secret_pkcs8_der())?;
        atomic::write(&self.certificate, certificate)
    }
}

type Made = (CertificateDer<'static>, PrivatePkcs8KeyDer<'static>);

/// A certificate for the names by which a node is usually reached.
fn make(node: &str, address: IpAddr) -> anyhow::Result<Made> {
    let mut names = vec![
        "localhost".to_owned(),
        node.to_owned(),
        format!("{node}.local"),
    ];
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim().to_ascii_lowercase();
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    if !host.is_empty() && host.bytes().all(plain) && !names.contains(&host) {
        names.extend([format!("{host}.local"), host]);
    }
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, node);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // The widest span that every client reads.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    let pair = KeyPair::generate()?;
    let certificate = params.self_signed(&pair)?;
    Ok((certificate.der().clone(), pair.serialize_der().into()))
}

fn fingerprint(certificate: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, certificate);
    let bytes = digest
        .as_ref()
        .iter()
        .map(|byte| hex(&[*byte]).to_uppercase());
    bytes.collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::below(dir.path());
        assert!(files.load().unwrap().is_none());
        let (certificate, key) = make("vigla-1", "10.0.0.1".parse().unwrap()).unwrap();
        files.keep(&certificate, &key).unwrap();
        let loaded = files.load().unwrap().unwrap();
        assert_eq!(loaded.fingerprint, fingerprint(&certificate));
        assert_eq!(loaded.fingerprint.len(), 95);
        // Another key than the certificate's, as after a power cut between the two, or a damaged one.
        let (_, other) = make("vigla-1", "::".parse().unwrap()).unwrap();
        atomic::write(&files.key, other.secret_pkcs8_der()).unwrap();
        assert!(files.load().is_err());
        atomic::write(&files.certificate, b"x").unwrap();
        assert!(files.load().is_err());
    }
}
