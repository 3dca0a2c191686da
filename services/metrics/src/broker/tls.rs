//! The TLS side of a connection: whom we trust, and what we show.
//!
//! One provider, ring, named here and never installed for the whole process. The authorities of the
//! system are those in its files (`/etc/ssl/certs`): an owner can add one, and updates of the system
//! bring new ones. A `ca_file` may also hold the broker's own certificate: see [`pinned`].

mod pinned;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use pinned::Pinned;

use super::fault::Fault;
use crate::config::Tls;

/// How AWS tells MQTT from HTTP on port 443.
const AWS: (u16, &[u8]) = (443, b"x-amzn-mqtt-ca");

/// What a connection to `port` needs, from the files as they are now.
pub(super) fn client(tls: &Tls, port: u16) -> Result<Arc<ClientConfig>, Fault> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(Fault::away)?;
    let builder = if tls.ca_file.as_os_str().is_empty() {
        builder.with_root_certificates(authorities()?)
    } else {
        let certificates = certificates(&tls.ca_file)?;
        let verifier = Pinned::new(certificates, provider)
            .map_err(|error| Fault::file(&tls.ca_file, error))?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    };
    let mut config = if tls.certificate_file.as_os_str().is_empty() {
        builder.with_no_client_auth()
    } else {
        let chain = certificates(&tls.certificate_file)?;
        let key = PrivateKeyDer::from_pem_file(&tls.key_file)
            .map_err(|error| Fault::file(&tls.key_file, plain(&error, "key")))?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => Fault::key(&tls.key_file),
                error => Fault::file(&tls.key_file, error),
            })?
    };
    if port == AWS.0 {
        config.alpn_protocols.push(AWS.1.to_vec());
    }
    Ok(Arc::new(config))
}

/// Those of the system.
fn authorities() -> Result<RootCertStore, Fault> {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "cannot read one of the system's authorities, going on without it");
    }
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let why =
            "the system has no list of authorities: install `ca-certificates`, or name a `ca_file`";
        return Err(Fault::file(Path::new("/etc/ssl/certs"), why));
    }
    Ok(store)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let wrong = |error| Fault::file(file, plain(&error, "certificate"));
    let all: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(wrong)?
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    if all.is_empty() {
        return Err(wrong(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(all)
}

fn plain(error: &rustls::pki_types::pem::Error, what: &str) -> String {
    match error {
        rustls::pki_types::pem::Error::NoItemsFound => format!("there is no {what} (PEM) in it"),
        error => error.to_string(),
    }
}
