//! An agent of K3s, as far as its server hears of it.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use super::form::{Token, ca_hash};
use crate::pki::{Identity, pem};
use crate::probe::exchange;

const PATIENCE: Duration = Duration::from_secs(10);

/// What an agent is given.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Like `https://127.0.0.1:6443`.
    pub server: String,
    /// The whole token.
    pub token: String,
    /// Of its node.
    pub node: String,
    /// Of its node's name.
    pub password: String,
}

/// Believes the authority that is pinned by the token, and reads `/cacerts` of anyone.
struct Line {
    address: String,
    tls: Arc<ClientConfig>,
    bearer: String,
}

impl Agent {
    /// The whole conversation; the identity of the kubelet.
    ///
    /// # Errors
    ///
    /// The token is of another form, its hash is not that of the server's authority, or the server refuses: with the
    /// status in the text, as in `client-kubelet.crt: 403`.
    pub fn join(&self) -> anyhow::Result<Identity> {
        let token = Token::read(&self.token)?;
        let anyone = Line::new(&self.server, None, String::new())?;
        let (_, served) = anyone.ask("GET", "/cacerts", &[], b"")?;
        let theirs = ca_hash(&served);
        anyhow::ensure!(
            theirs == token.ca_hash,
            "token CA hash does not match the Cluster CA certificate hash: {} != {theirs}",
            token.ca_hash
        );
        let line = Line::new(&self.server, Some(&served), token.bearer())?;
        let (_, again) = line.ask("GET", "/cacerts", &[], b"")?;
        anyhow::ensure!(again == served, "the authority changed in between");
        line.must("GET", "/v1-k3s/config", &[], b"")?;
        line.must("GET", "/v1-k3s/apiservers", &[], b"")?;
        line.must("GET", "/v1-k3s/client-ca.crt", &[], b"")?;
        line.must("GET", "/v1-k3s/server-ca.crt", &[], b"")?;
        self.certificate(&line, "serving-kubelet.crt")?;
        let kubelet = self.certificate(&line, "client-kubelet.crt")?;
        self.certificate(&line, "client-kube-proxy.crt")?;
        self.certificate(&line, "client-k3s-controller.crt")?;
        line.must("GET", "/v1-k3s/readyz", &[], b"")?;
        Ok(kubelet)
    }

    fn certificate(&self, line: &Line, name: &str) -> anyhow::Result<Identity> {
        let key = KeyPair::generate()?;
        let request = CertificateParams::default().serialize_request(&key)?;
        let headers = [
            ("k3s-Node-Name", self.node.as_str()),
            ("k3s-Node-Password", self.password.as_str()),
        ];
        let path = format!("/v1-k3s/{name}");
        let answer = line.must("POST", &path, &headers, request.der())?;
        let text = String::from_utf8(answer)?;
        let end = "-----END CERTIFICATE-----\n";
        let (first, _) = text
            .split_once(end)
            .or_else(|| text.split_once("-----END CERTIFICATE-----\r\n"))
            .context("a certificate")?;
        Ok(Identity {
            certificate: format!("{first}{end}"),
            key: pem("PRIVATE KEY", key.serialize_der()),
        })
    }
}

impl Line {
    fn new(server: &str, ca: Option<&[u8]>, bearer: String) -> anyhow::Result<Self> {
        let address = server.strip_prefix("https://");
        let address = address.context("only https:// URLs are supported")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = match ca {
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(ca) {
                    roots.add(certificate?)?;
                }
                config.with_root_certificates(roots).with_no_client_auth()
            }
            None => config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anyone))
                .with_no_client_auth(),
        };
        Ok(Self {
            address: address.to_owned(),
            tls: Arc::new(tls),
            bearer,
        })
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("127.0.0.1")?;
        let tls = ClientConnection::new(self.tls.clone(), name)?;
        let mut headers = headers.to_vec();
        if !self.bearer.is_empty() {
            headers.push(("Authorization", &self.bearer));
        }
        exchange(
            &mut StreamOwned::new(tls, stream),
            method,
            path,
            &headers,
            body,
        )
    }

    fn must(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        let (status, body) = self.ask(method, path, headers, body)?;
        let said = String::from_utf8_lossy(&body);
        anyhow::ensure!(status == 200, "{path}: {status} {said}");
        Ok(body)
    }
}

#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
