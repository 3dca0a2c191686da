//! The HTTP server: warp's filters under hyper's HTTP/1.1, with limits on everything a client can
//! make us keep. See `docs/adr/0010-http-server.md` for why not warp's own server.
//!
//! | a client that ...                          | is stopped by                               |
//! |--------------------------------------------|---------------------------------------------|
//! | opens many connections                     | `admission`: 503, or 429 for one address    |
//! | sends its head slowly, or stays idle       | `header_timeout`                            |
//! | sends an endless head                      | [`LARGEST_HEAD`]: 431                       |
//! | sends a body                               | `guard`: 413, and the connection is closed  |
//! | does not take our data                     | `stall`, and `TCP_USER_TIMEOUT` for a dead one |
//! | takes it slowly                            | gets fewer pictures (see `pace`)            |

mod admission;
mod stall;

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    time::{Duration, Instant},
};

use hyper::{Method, Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time,
};
use vigla_bus::Problem;
use warp::{filters::BoxedFilter, reply::Response};

use self::{
    admission::{Admission, Seat},
    stall::Stall,
};
use crate::{app::App, config::Limits, fault::Fault, guard, metrics::Metrics, routes::routes};

/// Largest request head, in bytes. Also how much of an answer hyper keeps beyond the piece that it
/// is writing: small, so that a slow client is asked for its next picture late.
const LARGEST_HEAD: usize = 16 << 10;

/// What the kernel keeps for a client: two pictures at most, however long the client sleeps.
const SEND_BUFFER: usize = 192 << 10;

/// Bytes not yet sent below which the kernel takes more: nearly none wait for a slow client.
const NOT_SENT: u32 = 16 << 10;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 256;

const RETRY: Duration = Duration::from_secs(1);

type Routes = BoxedFilter<(Response,)>;

/// Serves for ever. While the port is taken it says so and tries again.
pub(crate) async fn run(app: App) -> anyhow::Result<()> {
    let address = app.settings.listen.address();
    let listener = listen(&app, address).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving http://{address}/");
    let admission = Admission::new(&app.settings.limits, &app.metrics);
    let routes = routes(&app);
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
                let (limits, metrics) = (app.settings.limits.clone(), app.metrics.clone());
                let served = serve(stream, routes.clone(), limits, metrics, seat);
                app.context.spawn("connection", served);
            }
            Err(fault) => {
                if let Some(seat) = admission.porch() {
                    app.context.spawn("refusal", refuse(stream, fault, seat));
                }
            }
        }
    }
}

async fn listen(app: &App, address: SocketAddr) -> anyhow::Result<TcpListener> {
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
                return Err(app.context.locator.error("listen", message).into());
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

/// Serves one connection to its end.
async fn serve(
    stream: TcpStream,
    routes: Routes,
    limits: Limits,
    metrics: Metrics,
    seat: Seat,
) -> anyhow::Result<()> {
    let stall = limits.write_stall.get();
    if let Err(error) = tune(&stream, stall) {
        tracing::debug!(%error, "cannot tune a connection, serving it as it is");
    }
    let io = TokioIo::new(Stall::new(stream, stall, metrics.stalled.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        respond(request, routes.clone(), metrics.clone())
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout.get())
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(LARGEST_HEAD);
    if let Err(error) = http.serve_connection(io, service).await {
        // A client that went away, or spoke no HTTP: of no interest to anybody but a developer.
        tracing::debug!(%error, "connection ended");
    }
    drop(seat);
    Ok(())
}

fn tune(stream: &TcpStream, stall: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(stall))?;
    socket.set_tcp_notsent_lowat(NOT_SENT)
}

async fn respond(
    mut request: Request<Incoming>,
    routes: Routes,
    metrics: Metrics,
) -> Result<Response, Infallible> {
    let began = Instant::now();
    let mut response = match guard::check(&request) {
        Ok(()) => {
            // Routes know GET; hyper itself leaves out the body of an answer to HEAD.
            *request.method_mut() = Method::GET;
            let service = TowerToHyperService::new(warp::service(routes));
            hyper::service::Service::call(&service, request).await?
        }
        Err(fault) => fault.response(),
    };
    guard::dress(response.headers_mut());
    metrics
        .request_seconds
        .observe(began.elapsed().as_secs_f64());
    let class = match response.status().as_u16() {
        0..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics.requests.with_label_values(&[class]).inc();
    Ok(response)
}

/// Tells a client that there is no room. Its request is not read, so the answer is followed by an
/// orderly end of our side and a short wait: closing at once would reset the connection, and the
/// client would never see the answer.
async fn refuse(mut stream: TcpStream, fault: Fault, seat: Seat) -> anyhow::Result<()> {
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
    drop(seat);
    Ok(())
}
