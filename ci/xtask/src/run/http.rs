//! The little HTTP that is needed to see whether the page answers.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::signals;
use crate::stop::{self, Stop};

/// Most of an answer that is read, in bytes.
const MOST: u64 = 1 << 20;

/// Refuses a port that the gateway cannot have.
pub(super) fn port_is_free(port: u16) -> anyhow::Result<()> {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first = first.ok().and_then(|text| text.trim().parse().ok());
    if let Some(complaint) = privileged(port, first.unwrap_or(1024)) {
        return Err(Stop::with(stop::USAGE, complaint));
    }
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

/// The services run without privileges, whoever starts them: ports below `first` are not theirs.
fn privileged(port: u16, first: u16) -> Option<String> {
    (port < first).then(|| {
        format!(
            "--port: ports below {first} need root, and the services run without it: take one above, such as `--port 8080`"
        )
    })
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
    get(port, "/").is_ok_and(|answer| answer.status == 200)
}

/// An answer of the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The number on its first line.
    pub(super) status: u16,
    /// What follows the head.
    pub(super) body: String,
}

/// Asks for `path`: in HTTP 1.0, where an answer comes in one piece and ends with the connection.
pub(super) fn get(port: u16, path: &str) -> io::Result<Answer> {
    let wait = Duration::from_secs(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, wait)?;
    stream.set_read_timeout(Some(wait))?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    )?;
    let mut text = Vec::new();
    stream.take(MOST).read_to_end(&mut text)?;
    parse(&String::from_utf8_lossy(&text)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some(Answer {
        status: status.parse().ok()?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_needs_root_is_refused_with_one_that_does_not() {
        assert!(privileged(80, 1024).unwrap().contains("--port 8080"));
        assert_eq!(privileged(1024, 1024), None);
        assert_eq!(privileged(80, 0), None);
    }

    #[test]
    fn an_answer_is_a_number_and_a_body() {
        let answer = parse("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
        assert_eq!(parse("SSH-2.0\r\n\r\n"), None);
    }

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
