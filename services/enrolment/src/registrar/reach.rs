//! From a name to a connection that is secure.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vigla_fleet::device::Fault;
use vigla_fleet::endpoint::Endpoint;
use vigla_fleet::tls::{Pinned, Seen};
use vigla_kit::proxy::{Proxy, Way, tunnel};

use super::portal;
use crate::store::Service;

/// Who says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(20);

/// A connection to one of its addresses, or through the owner's proxy.
pub(crate) async fn connect(service: &Service, way: &Way) -> Result<TcpStream, Fault> {
    if let Some(proxy) = proxy(way, &service.endpoint) {
        return through(proxy, &service.endpoint).await;
    }
    dial(&addresses(service).await?).await
}

/// The proxy on the way to it, if there is one.
pub(crate) fn proxy<'w>(way: &'w Way, endpoint: &Endpoint) -> Option<&'w Proxy> {
    way.to(&endpoint.to_string().parse().ok()?)
}

/// The first that answers.
pub(crate) async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    for address in addresses {
        match timeout(SILENCE / 2, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => tracing::debug!(%address, %error, "cannot connect"),
            Err(_) => tracing::debug!(%address, "does not answer"),
        }
    }
    Err(Fault::NoRoute)
}

/// Those that name servers know, and then those of the card.
pub(crate) async fn addresses(service: &Service) -> Result<Vec<SocketAddr>, Fault> {
    let (host, port) = (service.endpoint.host.as_str(), service.endpoint.port);
    let mut found = Vec::new();
    if let Ok(address) = host.parse::<IpAddr>() {
        found.push(SocketAddr::new(address, port));
    } else {
        match timeout(SILENCE, tokio::net::lookup_host((host, port))).await {
            Ok(Ok(known)) => found.extend(known),
            Ok(Err(error)) => tracing::debug!(host, %error, "no name server knows it"),
            Err(_) => tracing::debug!(host, "no name server answers"),
        }
    }
    let card = service.addresses.iter();
    found.extend(card.map(|address| SocketAddr::new(*address, port)));
    if found.is_empty() {
        return Err(Fault::NoName);
    }
    Ok(found)
}

/// Through a proxy, which also looks up the name.
async fn through(proxy: &Proxy, endpoint: &Endpoint) -> Result<TcpStream, Fault> {
    if proxy.secure {
        tracing::warn!("a proxy that is spoken to with TLS is not supported here");
        return Err(Fault::Proxy);
    }
    let server = endpoint.to_string();
    let server = server.trim_start_matches("https://");
    let open = async {
        let mut stream = TcpStream::connect((proxy.host.as_str(), proxy.port))
            .await
            .map_err(|error| error.to_string())?;
        let through = tunnel(&mut stream, server, proxy).await;
        through.map_err(|error| error.to_string())?;
        Ok::<_, String>(stream)
    };
    match timeout(SILENCE, open).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            tracing::debug!(error, "no way through the proxy");
            Err(Fault::Proxy)
        }
        Err(_) => Err(Fault::Proxy),
    }
}

/// TLS over it, with the pinned registrar and nobody else.
pub(crate) async fn secure(
    stream: TcpStream,
    service: &Service,
    floor: u64,
    device: Option<CertifiedKey>,
) -> Result<(TlsStream<TcpStream>, Seen), Fault> {
    let peer = stream.peer_addr().ok();
    let config = Pinned::new(service.pins.clone(), floor).client(device);
    let config = config.map_err(|_| Fault::Odd)?;
    let host = service.endpoint.host.clone();
    let name = ServerName::try_from(host).map_err(|_| Fault::NoName)?;
    let connector = TlsConnector::from(Arc::new(config));
    let connected = timeout(SILENCE, connector.connect(name, stream)).await;
    let fault = match connected.map_err(|_| Fault::NoRoute)? {
        Ok(stream) => {
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let seen = Seen::of(chain, &service.pins).ok_or(Fault::Untrusted)?;
            return Ok((stream, seen));
        }
        Err(error) => why(&error),
    };
    // Whoever stands between also takes plain HTTP to itself.
    match (fault, peer) {
        (Fault::Untrusted | Fault::NoRoute, Some(peer))
            if portal::is_at(peer.ip(), &service.endpoint.host).await =>
        {
            Err(Fault::Portal)
        }
        (fault, _) => Err(fault),
    }
}

/// A certificate that does not hold, something that is no TLS, or a connection that broke.
fn why(error: &std::io::Error) -> Fault {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    tracing::debug!(%error, "no TLS");
    match inner {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Expired)) => {
            Fault::Expired
        }
        Some(_) => Fault::Untrusted,
        None => Fault::NoRoute,
    }
}
