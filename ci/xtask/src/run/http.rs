//! The little HTTP that is needed to see whether the page answers.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::signals;
use crate::stop::{self, Stop};

/// Refuses a port that another program has.
pub(super) fn port_is_free(port: u16) -> anyhow::Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Stop::with(
            stop::FAILED,
            format!(
                "port {port} of 127.0.0.1 is in use by another program (another `cargo xtask run`?): end that one, or take another port with `--port {}`",
                port.saturating_add(1)
            ),
        )),
        Err(error) => Err(Stop::with(
            stop::FAILED,
            format!(
                "cannot serve on port {port} of 127.0.0.1: {error}; take another with `--port 8080`"
            ),
        )),
    }
}

/// Waits until the page answers; `meanwhile` looks after the services.
pub(super) fn wait_for(
    port: u16,
    patience: Duration,
    mut meanwhile: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while !answers(port) {
        signals::check()?;
        meanwhile()?;
        anyhow::ensure!(
            Instant::now() < deadline,
            "the page on 127.0.0.1:{port} does not answer within {} s: see what the gateway says above",
            patience.as_secs()
        );
        signals::pause(Duration::from_millis(20));
    }
    Ok(())
}

fn answers(port: u16) -> bool {
    get(port, "/")
        .is_ok_and(|head| head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200"))
}

/// The first bytes of the answer to `GET path`.
fn get(port: u16, path: &str) -> io::Result<String> {
    let wait = Duration::from_secs(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, wait)?;
    stream.set_read_timeout(Some(wait))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0; 64];
    let count = stream.read(&mut head)?;
    Ok(String::from_utf8_lossy(&head[..count]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_a_way_out() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let text = port_is_free(port).unwrap_err().to_string();
        assert!(
            text.contains(&port.to_string()) && text.contains("--port"),
            "{text}"
        );
        drop(taken);
        port_is_free(port).unwrap();
    }
}
