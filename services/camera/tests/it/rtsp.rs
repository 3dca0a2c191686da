//! A network camera: a tiny RTSP server that wants a password and sends JPEG over RTP (RFC 2435).

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vigla_camera::jpeg::turbo::{Chroma, Encoder, Planes};

use crate::replay::video;
use crate::stage::{Stage, frame};

const SIZE: (u32, u32) = (160, 120);
const QUALITY: u8 = 80;
/// `admin:p@ss:word`.
const BASIC: &str = "Authorization: Basic YWRtaW46cEBzczp3b3Jk";
const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 26\r\na=framerate:20\r\na=control:track0\r\n";

/// Serves one camera on loopback until dropped.
struct Server {
    port: u16,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// On `port`, or on any that is free for 0.
    fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let stopped = Arc::clone(&stopped);
                // A client that leaves is no fault of the server.
                std::thread::spawn(move || drop(converse(&stream.unwrap(), &stopped)));
            }
        });
        Self { port, stop }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers requests until PLAY, then sends pictures.
fn converse(mut stream: &TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
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
            return Ok(());
        };
        let verb = first.split(' ').next().unwrap_or_default().to_owned();
        let number = request
            .iter()
            .find(|l| l.starts_with("CSeq"))
            .cloned()
            .unwrap_or_default();
        let known = request.iter().any(|line| line == BASIC);
        let (status, more) = match &*verb {
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
                    "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
                    SDP.len()
                ),
            ),
            "SETUP" => (
                "200 OK",
                "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n".to_owned(),
            ),
            _ => ("200 OK", "Session: 1\r\n\r\n".to_owned()),
        };
        write!(stream, "RTSP/1.0 {status}\r\n{number}\r\n{more}")?;
        if verb == "PLAY" && known {
            return play(stream, stop);
        }
    }
}

fn play(mut stream: &TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
    let (mut sequence, mut encoder) = (0u16, Encoder::new().unwrap());
    let mut planes = Planes::new(SIZE.0, SIZE.1, Chroma::Half);
    for tick in 0u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let shift = u8::try_from(tick % 100).unwrap();
        planes.split()[0]
            .iter_mut()
            .zip((0..=255u8).cycle())
            .for_each(|(y, x)| *y = x / 2 + shift);
        let jpeg = encoder.encode(&planes, QUALITY).unwrap();
        let scan = scan_of(jpeg);
        let pieces = scan.len().div_ceil(1200);
        for (index, piece) in scan.chunks(1200).enumerate() {
            let mut packet = vec![0x80, if index + 1 == pieces { 0x9a } else { 0x1a }];
            packet.extend(sequence.to_be_bytes());
            packet.extend((tick * 4500).to_be_bytes());
            packet.extend([0, 0, 0, 7]);
            let offset = u32::try_from(index * 1200).unwrap();
            packet.extend(offset.to_be_bytes());
            packet.extend([1, QUALITY, 20, 15]);
            packet.extend(piece);
            sequence = sequence.wrapping_add(1);
            let length = u16::try_from(packet.len()).unwrap();
            stream.write_all(&[b'$', 0])?;
            stream.write_all(&length.to_be_bytes())?;
            stream.write_all(&packet)?;
        }
        #[allow(clippy::disallowed_methods, reason = "a camera has a rate")]
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The entropy-coded data: tables and headers are implied by RFC 2435.
fn scan_of(jpeg: &[u8]) -> &[u8] {
    let at = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xda])
        .unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    &jpeg[at + 2 + length..jpeg.len() - 2]
}

#[tokio::test]
async fn a_network_camera_is_watched_with_its_password_and_again_after_it_was_away() {
    let stage = Stage::new();
    // Only to know whether there is an ffmpeg.
    if video(stage.kernel.root()).is_none() {
        return;
    }
    let server = Server::start(0);
    let secret = stage.kernel.root().join("gate");
    #[allow(clippy::disallowed_methods, reason = "a file of a test")]
    std::fs::write(&secret, "admin:p@ss:word\n").unwrap();
    let daemon = stage.start(&format!(
        "[camera.gate]\nsource = \"rtsp://127.0.0.1:{}/live\"\ncredentials = \"{}\"",
        server.port,
        secret.display()
    ));
    let client = stage.client().await;
    let mut reader = client.reader("gate", "jpeg").await;
    let (meta, _) = frame(&mut reader);
    assert_eq!((meta.width, meta.height), SIZE);
    let seen = client.state("gate", "streaming").await;
    assert_eq!((&*seen.source, &*seen.picture), ("rtsp", "ok"));
    let port = server.port;
    drop(server);
    client.problem("source-unreachable", "gate", true).await;
    assert!(!daemon.log().contains("p@ss") && !daemon.log().contains("p%40ss"));
    let refused = format!("rtsp://127.0.0.1:{port}/live: Connection refused");
    assert!(daemon.log().contains(&refused), "{}", daemon.log());
    let _server = Server::start(port);
    client.state("gate", "streaming").await;
    client.problem("source-unreachable", "gate", false).await;
    frame(&mut reader);
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_path_are_told_apart() {
    let stage = Stage::new();
    // Only to know whether there is an ffmpeg.
    if video(stage.kernel.root()).is_none() {
        return;
    }
    let server = Server::start(0);
    let secret = stage.kernel.root().join("gate");
    #[allow(clippy::disallowed_methods, reason = "a file of a test")]
    std::fs::write(&secret, "admin:p@ss:word\n").unwrap();
    let address = format!("rtsp://127.0.0.1:{}", server.port);
    let _daemon = stage.start(&format!(
        "[camera.closed]\nsource = \"{address}/live\"\n\
         [camera.lost]\nsource = \"{address}/nowhere\"\ncredentials = \"{}\"",
        secret.display()
    ));
    let client = stage.client().await;
    client.problem("source-denied", "closed", true).await;
    client.problem("source-no-path", "lost", true).await;
}

#[tokio::test]
async fn an_address_where_nobody_speaks_is_told() {
    let stage = Stage::new();
    // Only to know whether there is an ffmpeg.
    if video(stage.kernel.root()).is_none() {
        return;
    }
    // The kernel takes the connection, and nobody ever reads from it.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = format!("[camera.gate]\nsource = \"rtsp://127.0.0.1:{port}/live\"");
    let _daemon = stage.start(&settings);
    let client = stage.client().await;
    client.problem("source-unreachable", "gate", true).await;
    assert_eq!(client.state("gate", "failed").await.source, "rtsp");
}
