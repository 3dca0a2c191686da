//! Whether a portal of the network answers in the registrar's place: it leads plain HTTP to a page of its own.
//!
//! A portal catches names or addresses, and answers the one request that it can read: it redirects
//! `http://<registrar>/` to another host, or gives a page. A registrar's host that listens on port 80 at all
//! redirects to itself.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where portals listen.
const HTTP: u16 = 80;
const PATIENCE: Duration = Duration::from_secs(5);
/// As much of an answer as holds its head.
const HEAD: u64 = 8 << 10;

/// Asks for the front page of `host` at this address.
pub(super) async fn is_at(address: IpAddr, host: &str) -> bool {
    let asked = timeout(PATIENCE, ask(address, host)).await;
    match asked {
        Ok(Ok(answer)) => leads_away(&answer, host),
        _ => false,
    }
}

async fn ask(address: IpAddr, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((address, HTTP)).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(HEAD).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn leads_away(answer: &str, host: &str) -> bool {
    let mut lines = answer.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
    let status = words.next().unwrap_or_default();
    let to = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .map(|(_, to)| to.trim());
    let elsewhere = |to: &str| {
        let host_of = to.split_once("://").map_or(host, |(_, rest)| {
            rest.split(['/', ':', '?']).next().unwrap_or_default()
        });
        !host_of.eq_ignore_ascii_case(host)
    };
    match status.bytes().next() {
        Some(b'3') => http && to.is_some_and(elsewhere),
        // "Network authentication required", and pages of who should have none.
        Some(b'2' | b'5') => http && (status == "200" || status == "511"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::leads_away;

    #[test]
    fn a_portal_leads_away_and_a_registrar_to_itself() {
        for (answer, away) in [
            (
                "HTTP/1.1 302 Found\r\nLocation: http://portal.hotel/login\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.0 307 x\r\nlocation: https://10.0.0.1:8443/?x\r\n\r\n",
                true,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n<html>", true),
            ("HTTP/1.1 511 x\r\n\r\n", true),
            (
                "HTTP/1.1 301 x\r\nLocation: https://enrol.example:8443/\r\n\r\n",
                false,
            ),
            ("HTTP/1.1 302 x\r\nLocation: /login\r\n\r\n", false),
            ("HTTP/1.1 302 x\r\n\r\nLocation: http://body/", false),
            ("HTTP/1.1 404 x\r\n\r\n", false),
            ("\u{15}\u{3}", false),
            ("", false),
        ] {
            assert_eq!(leads_away(answer, "enrol.example"), away, "{answer}");
        }
    }
}
