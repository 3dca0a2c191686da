//! One question to the API server, without a Kubernetes library.

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

    /// As whoever bears a token.
    pub(crate) fn anonymous(port: u16, ca: &str) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            port,
            config: Arc::new(config),
        })
    }

    /// The status of a GET.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<u16> {
        Ok(self.ask("GET", path, &[], b"")?.0)
    }

    /// Status and body of any request.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("127.0.0.1")?;
        let tls = ClientConnection::new(Arc::clone(&self.config), name)?;
        let mut stream = StreamOwned::new(tls, stream);
        exchange(&mut stream, method, path, headers, body)
    }
}

/// One request, after which the server closes: HTTP/1.0, so that a body comes as it is.
pub(crate) fn exchange(
    stream: &mut (impl std::io::Read + std::io::Write),
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n");
    for &(name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if method != "GET" {
        head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(body)?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&part[..count]),
            // Who closes without a word of TLS has said everything nevertheless.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error.into()),
        }
    }
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n");
    let end = end.context("an answer")?;
    let head = std::str::from_utf8(&answer[..end]).context("an answer")?;
    let status = head.split(' ').nth(1).context("an answer")?;
    let status = status.parse().context("a status")?;
    Ok((status, answer[end + 4..].to_vec()))
}
