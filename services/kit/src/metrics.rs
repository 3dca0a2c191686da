//! The metrics socket: each daemon answers its Prometheus text on `metrics.sock` in its runtime
//! folder. `vigla-metrics` gathers them all.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use prometheus::{Encoder, Registry, TextEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use vigla_bus::names::METRICS_GROUP;

/// File name below the runtime folder of a daemon.
pub const SOCKET: &str = "metrics.sock";

const PATIENCE: Duration = Duration::from_secs(2);
/// More than any page of ours, less than what could fill the memory.
const LARGEST: u64 = 4 << 20;

/// Asks the socket at `path` for its page of metrics.
pub async fn scrape(path: &Path) -> io::Result<String> {
    let ask = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.take(LARGEST).read_to_string(&mut answer).await?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "no HTTP header in the answer")
        })?;
        Ok(body.to_owned())
    };
    tokio::time::timeout(PATIENCE, ask)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Binds the socket (0660, group `vigla-metrics` where we belong to it).
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    let group = nix::unistd::Group::from_name(METRICS_GROUP.0)
        .ok()
        .flatten();
    let known = group.is_some();
    let gid = group.map_or(METRICS_GROUP.1, |g| g.gid.as_raw());
    // Only a member may hand the file over; on a laptop there is no such group, and one user.
    if let Err(error) = std::os::unix::fs::chown(path, None, Some(gid))
        && known
    {
        tracing::warn!(%error, group = METRICS_GROUP.0, "the metrics socket stays ours alone");
    }
    Ok(listener)
}

/// Answers one after the other: a page takes microseconds, and a stuck client 2 s at most.
pub(crate) async fn serve(listener: UnixListener, registry: Registry) -> anyhow::Result<()> {
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "cannot accept on the metrics socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, answer(stream, &registry)).await;
    }
}

async fn answer(mut stream: UnixStream, registry: &Registry) -> io::Result<()> {
    let mut request = [0; 512];
    let _ = stream.read(&mut request).await?;
    let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&text(registry)).await?;
    stream.shutdown().await
}

/// The page of one registry.
#[must_use]
pub fn text(registry: &Registry) -> Vec<u8> {
    let mut page = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut page) {
        tracing::debug!(%error, "cannot encode metrics");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scrape_gets_the_page() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(SOCKET);
        let registry = Registry::new();
        let counter = prometheus::IntCounter::new("vigla_test_things_total", "Things").unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        counter.inc_by(3);
        let listener = bind(&path).unwrap();
        let served = serve(listener, registry);
        tokio::select! {
            _ = served => panic!("the server ended"),
            page = scrape(&path) => assert!(page.unwrap().contains("vigla_test_things_total 3")),
        }
    }

    #[tokio::test]
    async fn a_missing_socket_is_an_error() {
        assert!(
            scrape(Path::new("/nonexistent/metrics.sock"))
                .await
                .is_err()
        );
    }
}
