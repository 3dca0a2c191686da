//! warp's filters under hyper's HTTP/1.1 and our own TLS, with limits: `docs/adr/0010-http-server.md`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time;
use tokio_rustls::TlsAcceptor;
use vigla_fleet::tls::device_of;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::http::Peer;
use crate::registrar::Registrar;

/// For a handshake, and for the head of a request.
const HEAD: Duration = Duration::from_secs(15);
/// For a whole connection: a device asks once or twice.
const WHOLE: Duration = Duration::from_mins(2);
const LARGEST_HEAD: usize = 8 << 10;

pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on `{address}`"))
}

/// Serves devices until the registrar stops; what is open is finished.
pub(crate) async fn devices(registrar: Arc<Registrar>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(registrar.settings.limits.connections.into()));
    let routes = crate::http::routes(&registrar);
    loop {
        let Some((stream, address)) = accept(&registrar, &listener).await else {
            return;
        };
        // Who finds no place is cut off: a device asks again, and others are being served.
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let (registrar, routes) = (registrar.clone(), routes.clone());
        let tasks = registrar.tasks.clone();
        tasks.spawn(async move {
            let metrics = &registrar.metrics;
            metrics.connections.inc();
            let _ = time::timeout(WHOLE, device(&registrar, stream, address, routes)).await;
            metrics.connections.dec();
            drop(place);
        });
    }
}

async fn device(
    registrar: &Registrar,
    stream: TcpStream,
    address: SocketAddr,
    routes: BoxedFilter<(Response,)>,
) {
    let _ = stream.set_nodelay(true);
    let site = registrar.site();
    let acceptor = TlsAcceptor::from(site.authority.tls.clone());
    let Ok(Ok(stream)) = time::timeout(HEAD, acceptor.accept(stream)).await else {
        return;
    };
    let chain = stream.get_ref().1.peer_certificates();
    let peer = Peer {
        address,
        key: chain.and_then(device_of),
        server: site.authority.server,
    };
    serve(registrar, stream, Some(peer), routes).await;
}

/// Serves health and metrics.
pub(crate) async fn observers(registrar: Arc<Registrar>, listener: TcpListener) {
    let routes = crate::http::observe(&registrar);
    loop {
        let Some((stream, _)) = accept(&registrar, &listener).await else {
            return;
        };
        let (registrar, routes) = (registrar.clone(), routes.clone());
        let tasks = registrar.tasks.clone();
        tasks.spawn(async move {
            let _ = time::timeout(WHOLE, serve(&registrar, stream, None, routes)).await;
        });
    }
}

async fn accept(registrar: &Registrar, listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = registrar.stop.cancelled() => return None,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            // Out of descriptors, most likely; those that are open will close.
            Err(_) => time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve<S>(
    registrar: &Registrar,
    stream: S,
    peer: Option<Peer>,
    routes: BoxedFilter<(Response,)>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer.clone() {
            request.extensions_mut().insert(peer);
        }
        let service = TowerToHyperService::new(warp::service(routes.clone()));
        async move {
            use hyper::service::Service as _;
            Ok::<_, Infallible>(
                service
                    .call(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_header_size(LARGEST_HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = registrar.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
