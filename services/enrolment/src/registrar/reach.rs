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
use vigla_fleet::tls::{Pinned, Seen};

use crate::store::Service;

/// Who says nothing for so long is gone.
pub(super) const SILENCE: Duration = Duration::from_secs(20);

/// A connection to one of its addresses.
pub(super) async fn connect(service: &Service) -> Result<TcpStream, Fault> {
    let addresses = addresses(service).await?;
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
async fn addresses(service: &Service) -> Result<Vec<SocketAddr>, Fault> {
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

/// TLS over it, with the pinned registrar and nobody else.
pub(super) async fn secure(
    stream: TcpStream,
    service: &Service,
    floor: u64,
    device: Option<CertifiedKey>,
) -> Result<(TlsStream<TcpStream>, Seen), Fault> {
    let config = Pinned::new(service.pins.clone(), floor).client(device);
    let config = config.map_err(|_| Fault::Odd)?;
    let host = service.endpoint.host.clone();
    let name = ServerName::try_from(host).map_err(|_| Fault::NoName)?;
    let connector = TlsConnector::from(Arc::new(config));
    let connected = timeout(SILENCE, connector.connect(name, stream)).await;
    let stream = connected
        .map_err(|_| Fault::NoRoute)?
        .map_err(|error| why(&error))?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let seen = Seen::of(chain, &service.pins).ok_or(Fault::Untrusted)?;
    Ok((stream, seen))
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
