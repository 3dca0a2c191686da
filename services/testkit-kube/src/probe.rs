//! One question to the API server, without a Kubernetes library.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned};

use crate::pki::Identity;

const PATIENCE: Duration = Duration::from_secs(5);
/// Most of an answer that is read, in bytes.
const MOST: u64 = 1 << 20;

/// Asks as one client.
#[derive(Debug)]
pub(crate) struct Probe {
    port: u16,
    config: Arc<ClientConfig>,
    /// Who asks, where no certificate says it.
    bearer: Option<String>,
}

/// Status and body of an answer.
pub(crate) type Answer = (u16, String);

impl Probe {
    /// With a certificate of the cluster.
    pub(crate) fn new(port: u16, ca: &str, who: &Identity) -> anyhow::Result<Self> {
        let chain = vec![CertificateDer::from_pem_slice(who.certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(who.key.as_bytes())?;
        let config = trusting(ca)?.with_client_auth_cert(chain, key)?;
        Ok(Self {
            port,
            config: Arc::new(config),
            bearer: None,
        })
    }

    /// With a token.
    pub(crate) fn bearing(port: u16, ca: &str, token: &str) -> anyhow::Result<Self> {
        Ok(Self {
            port,
            config: Arc::new(trusting(ca)?.with_no_client_auth()),
            bearer: Some(token.to_owned()),
        })
    }

    /// The status of a GET.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<u16> {
        Ok(self.ask("GET", path, None)?.0)
    }

    /// Asks, with a body and its type where there is one: in HTTP 1.0, where an answer comes in one piece
    /// and ends with the connection.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &str)>,
    ) -> anyhow::Result<Answer> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("127.0.0.1")?;
        let tls = ClientConnection::new(Arc::clone(&self.config), name)?;
        let mut stream = StreamOwned::new(tls, stream);
        let mut request = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n");
        if let Some(token) = &self.bearer {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        let (kind, body) = body.unwrap_or_default();
        if !kind.is_empty() {
            let length = body.len();
            request += &format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n");
        }
        stream.write_all((request + "\r\n" + body).as_bytes())?;
        let mut text = Vec::new();
        stream.take(MOST).read_to_end(&mut text)?;
        let text = String::from_utf8(text).context("an answer in UTF-8")?;
        let (head, body) = text.split_once("\r\n\r\n").context("an answer")?;
        let status = head.split(' ').nth(1).context("an answer")?;
        Ok((status.parse().context("a status")?, body.to_owned()))
    }
}

/// Who trusts the cluster's authority, and nobody else.
fn trusting(ca: &str) -> anyhow::Result<ConfigBuilder<ClientConfig, WantsClientCert>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(config)
}
