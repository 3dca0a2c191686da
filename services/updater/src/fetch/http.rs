//! One exchange over HTTP/1.1, plain or with TLS, maybe through a proxy: hyper, rustls with ring, and a limit on silence.

use std::fs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderName, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use vigla_kit::proxy::{Proxy, Way, bare, tunnel};

/// Who says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(20);

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The address cannot be asked.
    #[error("the address cannot be asked")]
    Address,
    /// The certificate is not to be trusted.
    #[error("the certificate of the server does not hold: {0}")]
    Untrusted(String),
    /// The connection was not made, or did not hold.
    #[error("the server did not answer well: {0}")]
    Cut(String),
}

/// Who vouches for servers.
#[derive(Debug, Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
    way: Way,
}

/// Bytes both ways, whatever is below.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An answer whose body is read piece by piece.
pub struct Answer {
    response: Response<Incoming>,
    /// Moves the connection while we read; `None` once it has ended.
    driver: Option<Driver>,
}

impl Client {
    /// Trusts the authorities in `ca_file`, or those of the system when it is empty.
    pub fn new(ca_file: &Path) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        if ca_file.as_os_str().is_empty() {
            // A node without any still fetches over HTTP: the bundle is signed.
            for certificate in rustls_native_certs::load_native_certs().certs {
                let _ = roots.add(certificate);
            }
        } else {
            let pem = fs::read(ca_file)?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(io::Error::other)?;
                roots.add(certificate).map_err(io::Error::other)?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self {
            tls: Arc::new(config),
            way: Way::default(),
        })
    }

    /// The same through the proxies of `way`.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Asks for `uri`.
    pub async fn get(&self, uri: &Uri, headers: &[(HeaderName, String)]) -> Result<Answer, Fault> {
        let host = uri.host().ok_or(Fault::Address)?;
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let name = bare(host);
        let proxy = self.way.to(uri);
        let mut wire = self.reach(proxy, (name, port)).await?;
        if secure {
            if let Some(proxy) = proxy {
                let server = format!("{host}:{port}");
                let through = tunnel(&mut wire, &server, proxy);
                let through = timeout(SILENCE, through).await;
                let through =
                    through.map_err(|_| Fault::Cut("no answer of the proxy in time".into()))?;
                through.map_err(|why| Fault::Cut(why.to_string()))?;
            }
            wire = self.secured(wire, name).await?;
        }
        exchange(wire, uri, headers, proxy.filter(|_| !secure)).await
    }

    /// A connection to the proxy, or to the server itself.
    async fn reach(
        &self,
        proxy: Option<&Proxy>,
        server: (&str, u16),
    ) -> Result<Box<dyn Wire>, Fault> {
        let (name, port) = proxy.map_or(server, |proxy| (proxy.host.as_str(), proxy.port));
        let stream = patiently(TcpStream::connect((name, port))).await?;
        if proxy.is_some_and(|proxy| proxy.secure) {
            return self.secured(Box::new(stream), name).await;
        }
        Ok(Box::new(stream))
    }

    /// TLS with `name` over what is there.
    async fn secured(&self, wire: Box<dyn Wire>, name: &str) -> Result<Box<dyn Wire>, Fault> {
        let server = ServerName::try_from(name.to_owned()).map_err(|_| Fault::Address)?;
        let connector = TlsConnector::from(self.tls.clone());
        let connected = timeout(SILENCE, connector.connect(server, wire)).await;
        let stream = connected.map_err(|_| Fault::Cut("no TLS in time".into()))?;
        Ok(Box::new(stream.map_err(|error| trust(&error))?))
    }

    /// The whole body of `uri`, at most `most` bytes, without being moved elsewhere.
    pub async fn text(&self, uri: &Uri, most: usize) -> Result<Vec<u8>, Fault> {
        let mut answer = self.get(uri, &[]).await?;
        if answer.status() != StatusCode::OK {
            return Err(Fault::Cut(format!("the answer was {}", answer.status())));
        }
        let mut text = Vec::new();
        while let Some(bytes) = answer.next().await? {
            text.extend_from_slice(&bytes);
            if text.len() > most {
                return Err(Fault::Cut(format!("more than {most} bytes")));
            }
        }
        Ok(text)
    }
}

/// Asks over `wire`; a proxy that passes the request on wants the whole address.
async fn exchange(
    wire: Box<dyn Wire>,
    uri: &Uri,
    headers: &[(HeaderName, String)],
    proxy: Option<&Proxy>,
) -> Result<Answer, Fault> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().ok_or(Fault::Address)?.as_str();
    let target = match proxy {
        Some(_) => format!("http://{authority}{path}"),
        None => path.to_owned(),
    };
    let mut request = Request::get(target).header(HOST, authority).header(
        USER_AGENT,
        concat!("vigla-updater/", env!("CARGO_PKG_VERSION")),
    );
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
        request = request.header(PROXY_AUTHORIZATION, authorization);
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|_| Fault::Address)?;
    let (mut sender, connection) = patiently(http1::handshake(TokioIo::new(wire))).await?;
    let mut driver: Option<Driver> = Some(Box::pin(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection ended");
        }
    }));
    let response = patiently(alongside(&mut driver, sender.send_request(request))).await?;
    Ok(Answer { response, driver })
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({})", self.response.status())
    }
}

impl Answer {
    /// The status as a number.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.status().as_u16()
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece; `None` at the end, which hyper knows from a cut.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = alongside(&mut self.driver, self.response.body_mut().frame());
            let frame = timeout(SILENCE, frame).await;
            match frame.map_err(|_| Fault::Cut("silence".into()))? {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => return Err(Fault::Cut(error.to_string())),
            }
        }
    }
}

/// Does `work` while the connection is moved; one that has ended is not asked again.
async fn alongside<T>(driver: &mut Option<Driver>, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    if let Some(running) = driver {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = running => {}
        }
        *driver = None;
    }
    work.await
}

async fn patiently<T, E: std::error::Error>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Fault> {
    match timeout(SILENCE, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Fault::Cut(vigla_bus::chain(&error))),
        Err(_) => Err(Fault::Cut("no answer in time".into())),
    }
}

/// A certificate that does not hold, or a connection that did not.
fn trust(error: &io::Error) -> Fault {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => Fault::Untrusted(format!("{why:?}")),
        _ => Fault::Cut(error.to_string()),
    }
}

/// Where `to` leads, as said at `at`. From TLS it never leads to where there is none.
pub(super) fn resolve(at: &Uri, to: &str) -> Option<Uri> {
    let to: Uri = match to.as_bytes() {
        [b'/', b'/', ..] => format!("{}:{to}", at.scheme_str()?).parse().ok()?,
        [b'/', ..] => {
            let mut parts = at.clone().into_parts();
            parts.path_and_query = Some(to.parse().ok()?);
            Uri::from_parts(parts).ok()?
        }
        _ => to.parse().ok()?,
    };
    let to = crate::config::Address::parse(&to.to_string())?;
    let weaker = at.scheme_str() == Some("https") && to.scheme_str() != Some("https");
    (!weaker).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_moves_but_never_out_of_tls() {
        let moved = |at: &'static str, to: &str| {
            resolve(&Uri::from_static(at), to).map(|uri| uri.to_string())
        };
        assert_eq!(moved("http://a/x", "/y?z"), Some("http://a/y?z".into()));
        assert_eq!(
            moved("http://a/x", "https://b/y"),
            Some("https://b/y".into())
        );
        assert_eq!(moved("https://a/x", "//b/y"), Some("https://b/y".into()));
        for to in [
            "http://b/y",
            "ftp://b/y",
            "y",
            "",
            "http://u:p@b/",
            "http://",
        ] {
            assert_eq!(moved("https://a/x", to), None, "{to}");
        }
    }
}
