//! A network camera that wants a password and sends JPEG over RTP (RFC 2435).

use std::net::TcpListener;
use std::time::Duration;

use vigla_camera::jpeg::turbo::{Chroma, Encoder, Planes};
use vigla_testkit::rtsp::{NetworkCamera, Send};

use crate::replay::video;
use crate::stage::{Stage, frame};

const SIZE: (u32, u32) = (160, 120);
const QUALITY: u8 = 80;
const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 26\r\na=framerate:20\r\na=control:track0\r\n";

/// Serves one camera on loopback until dropped; on any port that is free for 0.
fn serve(port: u16) -> NetworkCamera {
    NetworkCamera::start(port, SDP, play).unwrap()
}

fn play(send: &mut Send<'_>) -> std::io::Result<()> {
    let (mut sequence, mut encoder) = (0u16, Encoder::new().unwrap());
    let mut planes = Planes::new(SIZE.0, SIZE.1, Chroma::Half);
    for tick in 0u32.. {
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
            send(&packet)?;
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
    let server = serve(0);
    let secret = stage.kernel.root().join("gate");
    #[allow(clippy::disallowed_methods, reason = "a file of a test")]
    std::fs::write(&secret, "admin:p@ss:word\n").unwrap();
    let daemon = stage.start(&format!(
        "[camera.gate]\nsource = \"rtsp://127.0.0.1:{}/live\"\ncredentials = \"{}\"",
        server.port(),
        secret.display()
    ));
    let client = stage.client().await;
    let mut reader = client.reader("gate", "jpeg").await;
    let (meta, _) = frame(&mut reader);
    assert_eq!((meta.width, meta.height), SIZE);
    let seen = client.state("gate", "streaming").await;
    assert_eq!((&*seen.source, &*seen.picture), ("rtsp", "ok"));
    let port = server.port();
    drop(server);
    client.problem("source-unreachable", "gate", true).await;
    assert!(!daemon.log().contains("p@ss") && !daemon.log().contains("p%40ss"));
    let refused = format!("rtsp://127.0.0.1:{port}/live: Connection refused");
    assert!(daemon.log().contains(&refused), "{}", daemon.log());
    let _server = serve(port);
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
    let server = serve(0);
    let secret = stage.kernel.root().join("gate");
    #[allow(clippy::disallowed_methods, reason = "a file of a test")]
    std::fs::write(&secret, "admin:p@ss:word\n").unwrap();
    let address = format!("rtsp://127.0.0.1:{}", server.port());
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
