//! A network camera: RTSP with a password over one TCP connection, RTP packets interleaved (RFC 2326, 10.12).
//! What it films is given.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// `Authorization` of the user `admin` with the password `p@ss:word`: the camera knows no other.
const BASIC: &str = "Authorization: Basic YWRtaW46cEBzczp3b3Jk";

/// Sends one RTP packet; the camera has gone, or who watches, when it fails.
pub type Send<'a> = dyn FnMut(&[u8]) -> io::Result<()> + 'a;

/// It serves on loopback until dropped.
#[derive(Debug)]
pub struct NetworkCamera {
    port: u16,
    stop: Arc<AtomicBool>,
}

impl NetworkCamera {
    /// On `port`, or on any that is free for 0. `sdp` describes one track with `a=control:track0`; `play` sends it.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn start(
        port: u16,
        sdp: &str,
        play: impl Fn(&mut Send<'_>) -> io::Result<()> + std::marker::Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let port = listener.local_addr()?.port();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let film = Arc::new((sdp.to_owned(), play));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (film, stopped) = (Arc::clone(&film), Arc::clone(&stopped));
                std::thread::spawn(move || {
                    // A client that leaves is no fault of the server.
                    if let Ok(true) = converse(&stream, &film.0) {
                        let _ = film.1(&mut |packet| send(&stream, packet, &stopped));
                    }
                });
            }
        });
        Ok(Self { port, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for NetworkCamera {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn send(mut stream: &TcpStream, packet: &[u8], stop: &AtomicBool) -> io::Result<()> {
    if stop.load(Ordering::Relaxed) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
    stream.write_all(&[b'$', 0])?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(packet)
}

/// Answers requests until PLAY; whether it came to that.
fn converse(mut stream: &TcpStream, sdp: &str) -> io::Result<bool> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    loop {
        let mut request = Vec::new();
        for line in lines.by_ref() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            request.push(line);
        }
        let Some(first) = request.first() else {
            return Ok(false);
        };
        let verb = first.split(' ').next().unwrap_or_default().to_owned();
        let number = request.iter().find(|line| line.starts_with("CSeq"));
        let number = number.cloned().unwrap_or_default();
        let known = request.iter().any(|line| line == BASIC);
        let (status, more) = answer(first, &verb, known, sdp);
        write!(stream, "RTSP/1.0 {status}\r\n{number}\r\n{more}")?;
        if verb == "PLAY" && known {
            return Ok(true);
        }
    }
}

fn answer(first: &str, verb: &str, known: bool, sdp: &str) -> (&'static str, String) {
    match verb {
        "OPTIONS" => (
            "200 OK",
            "Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n".to_owned(),
        ),
        _ if !known => (
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"camera\"\r\n\r\n".to_owned(),
        ),
        "DESCRIBE" if first.contains("/nowhere") => ("404 Not Found", "\r\n".to_owned()),
        "DESCRIBE" => (
            "200 OK",
            format!(
                "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
                sdp.len()
            ),
        ),
        "SETUP" => (
            "200 OK",
            "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n".to_owned(),
        ),
        _ => ("200 OK", "Session: 1\r\n\r\n".to_owned()),
    }
}
