//! Waiting for an event with a deadline.

use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Asks `done` until it gives something, for at most `patience`.
#[allow(
    clippy::disallowed_methods,
    reason = "files and processes of others can only be polled"
)]
pub fn until<T>(
    what: &str,
    patience: Duration,
    mut done: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = done() {
            return Ok(value);
        }
        anyhow::ensure!(Instant::now() < deadline, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A TCP port on loopback that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
