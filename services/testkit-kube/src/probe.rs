//! One question to the API server, without a Kubernetes library.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::pki::Identity;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks as one client.
#[derive(Debug)]
pub(crate) struct Probe {
    port: u16,
    config: Arc<ClientConfig>,
}

impl Probe {
    pub(crate) fn new(port: u16, ca: &str, who: &Identity) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
        let chain = vec![CertificateDer::from_pem_slice(who.certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(who.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        Ok(Self {
            port,
            config: Arc::new(config),
        })
    }

    /// The status of a GET.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<u16> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("127.0.0.1")?;
        let tls = ClientConnection::new(Arc::clone(&self.config), name)?;
        let mut stream = StreamOwned::new(tls, stream);
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        let head = std::str::from_utf8(&head).context("an answer")?;
        let status = head.strip_prefix("HTTP/1.1 ").context("an answer")?;
        status.parse().context("a status")
    }
}
