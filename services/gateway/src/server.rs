//! The HTTP server: warp's filters under hyper's HTTP/1.1, with limits on everything a client can
//! make us keep. See `docs/adr/0010-http-server.md` for why not warp's own server. Over TLS it is
//! the same server behind another door.
//!
//! | a client that ...                          | is stopped by                               |
//! |--------------------------------------------|---------------------------------------------|
//! | opens many connections and asks nothing    | `admission`: they end for who comes later   |
//! | asks for a lot at a time                   | `admission`: 503, or 429 for one address    |
//! | never ends its TLS handshake               | `header_timeout`                            |
//! | sends its head slowly, or stays idle       | `header_timeout`                            |
//! | sends an endless head                      | [`LARGEST_HEAD`]: 431                       |
//! | sends a body                               | `guard`: 413; `desk`: 4 kB, and 10 s        |
//! | does not take our data                     | `stall`, and `TCP_USER_TIMEOUT` for a dead one |
//! | takes it slowly                            | gets fewer pictures (see `pace`)            |
//! | tries passwords                            | `login`: longer and longer waits            |

mod admission;
mod bound;
mod last_word;
mod respond;
mod stall;

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use hyper::{
    Request,
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, watch},
    time,
};
use tokio_rustls::TlsAcceptor;
use vigla_bus::Problem;

pub(crate) use self::admission::Admission;
use self::{
    admission::{Badge, Seat},
    last_word::LastWord,
    respond::{Site, respond},
    stall::Stall,
};
use crate::{app::App, door::Door, fault::Fault, multipart::ENDING, routes::routes};

/// Largest request head, in bytes. Also how much of an answer hyper keeps beyond the piece that it
/// is writing: small, so that a slow client is asked for its next picture late.
const LARGEST_HEAD: usize = ENDING;

/// What the kernel keeps for a client: two pictures at most, however long the client sleeps.
const SEND_BUFFER: usize = 192 << 10;

/// Bytes not yet sent below which the kernel takes more: nearly none wait for a slow client.
const NOT_SENT: u32 = 16 << 10;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 256;

const RETRY: Duration = Duration::from_secs(1);

/// One address to serve at.
pub(crate) struct Entrance {
    /// `listen` or `tls.port`: the setting that a person would correct.
    pub(crate) key: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) door: Door,
    /// With HTTPS.
    pub(crate) acceptor: Option<watch::Receiver<TlsAcceptor>>,
}

/// Serves for ever. While the port is taken it says so and tries again.
pub(crate) async fn run(
    app: App,
    entrance: Entrance,
    admission: Arc<Admission>,
) -> anyhow::Result<()> {
    let listener = listen(&app, &entrance).await?;
    let address = listener.local_addr()?;
    let (door, acceptor) = (entrance.door, entrance.acceptor);
    tracing::info!(%address, "serving {}://{address}/", door.scheme());
    let routes = routes(&app);
    let site = Arc::new(Site { app, door, routes });
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely; those that are open will close.
                tracing::debug!(%error, "cannot accept, trying again");
                time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        match admission.admit(peer.ip()) {
            Ok(seat) => {
                let acceptor = acceptor.as_ref().map(|newest| newest.borrow().clone());
                let served = welcome(stream, peer, acceptor, Arc::clone(&site), seat);
                site.app.context.spawn("connection", served);
            }
            // Over TLS a refusal would cost a handshake: the connection is just closed. It is rare: who
            // asks for nothing gave up his seat before, so all that remain are really used.
            Err(_) if acceptor.is_some() => {}
            Err(fault) => {
                if let Some(place) = admission.porch() {
                    let refused = refuse(stream, fault, place);
                    site.app.context.spawn("refusal", refused);
                }
            }
        }
    }
}

async fn listen(app: &App, entrance: &Entrance) -> anyhow::Result<TcpListener> {
    let address = entrance.address;
    let subject = address.port().to_string();
    loop {
        match bind(address) {
            Ok(listener) => {
                app.context.problems.clear("port-in-use", &subject);
                return Ok(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let problem = Problem::new("port-in-use", subject.as_str());
                app.context.problems.set(problem);
                time::sleep(RETRY).await;
            }
            // No such address here, or a port that is not for us: only a person can correct it.
            Err(error) => {
                let message = format!("cannot listen on `{address}`: {error}");
                return Err(app.context.locator.error(entrance.key, message).into());
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Before `listen`: connections inherit it, and the kernel then leaves it alone.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

/// Serves one connection to its end, after its handshake where there is one.
async fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    site: Arc<Site>,
    seat: Seat,
) -> anyhow::Result<()> {
    let badge = seat.badge();
    // In a box: it is large, and passed on.
    let connection = Box::pin(async move {
        let limits = &site.app.settings.limits;
        let stall = limits.write_stall.get();
        if let Err(error) = tune(&stream, stall) {
            tracing::debug!(%error, "cannot tune a connection, serving it as it is");
        }
        let stream = Stall::new(stream, stall, site.app.metrics.stalled.clone());
        let Some(acceptor) = acceptor else {
            return serve(stream, peer, site, badge).await;
        };
        let handshake = acceptor.accept(stream);
        match time::timeout(limits.header_timeout.get(), handshake).await {
            Ok(Ok(mut stream)) => {
                stream.get_mut().1.set_buffer_limit(Some(LARGEST_HEAD));
                serve(stream, peer, site, badge).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "no handshake"),
            Err(_) => tracing::debug!("a handshake without end"),
        }
    });
    seat.serve(connection).await;
    Ok(())
}

async fn serve<S>(stream: S, peer: SocketAddr, site: Arc<Site>, badge: Badge)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let header_timeout = site.app.settings.limits.header_timeout.get();
    let stream = LastWord::new(stream, badge.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let turn = badge.turn(request.body().is_end_stream());
        respond(request, Arc::clone(&site), peer.ip(), turn)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(LARGEST_HEAD);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        // A client that went away, or spoke no HTTP: of no interest to anybody but a developer.
        tracing::debug!(%error, "connection ended");
    }
}

fn tune(stream: &TcpStream, stall: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(stall))?;
    socket.set_tcp_notsent_lowat(NOT_SENT)
}

/// Tells a client that there is no room. Its request is not read, so the answer is followed by an
/// orderly end of our side and a short wait: closing at once would reset the connection, and the
/// client would never see the answer.
async fn refuse(
    mut stream: TcpStream,
    fault: Fault,
    place: OwnedSemaphorePermit,
) -> anyhow::Result<()> {
    let status = fault.status();
    let document = fault.document();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\nRetry-After: 2\r\nConnection: close\r\n\r\n",
        document.len()
    );
    let farewell = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&document).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = time::timeout(Duration::from_secs(1), farewell).await;
    drop(place);
    Ok(())
}
