//! One question and its answer over HTTP/1.1, and nothing larger than an answer may be.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use vigla_fleet::device::Fault;
use vigla_fleet::endpoint::Endpoint;
use vigla_fleet::wire::LARGEST_ANSWER;

/// A registrar asks its cluster before it answers.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// `Date`, in seconds since 1970.
    pub(super) date: Option<u64>,
    /// `Retry-After`, when it is a number of seconds.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// Asks: with a body it is a POST, without a GET.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    endpoint: &Endpoint,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Reply, Fault> {
    let asked = timeout(PATIENCE, ask(stream, endpoint, path, body)).await;
    let reply = asked.map_err(|_| Fault::NoRoute)?;
    reply.map_err(|error| {
        tracing::debug!(%error, "no answer");
        Fault::NoRoute
    })
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    endpoint: &Endpoint,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
    let method = if body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let host = endpoint.to_string();
    let agent = concat!("vigla-enrolment/", env!("CARGO_PKG_VERSION"));
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host.trim_start_matches("https://"))
        .header(USER_AGENT, agent);
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let work = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER)
            .collect()
            .await?
            .to_bytes();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Reply {
            status: head.status.as_u16(),
            date: date(&head.headers),
            retry_after: text(&head.headers, &RETRY_AFTER)
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs),
            body,
        })
    };
    tokio::pin!(work);
    // The connection is moved until the answer is whole; it may end just before that.
    tokio::select! {
        biased;
        reply = &mut work => return reply,
        ended = connection => ended?,
    }
    work.await
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn date(headers: &HeaderMap) -> Option<u64> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let date = parser.parse_timestamp(text(headers, &DATE)?).ok()?;
    u64::try_from(date.as_second()).ok()
}
