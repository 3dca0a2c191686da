//! The street clip as a network camera films it: H.264 in RTP, by ffmpeg, for ever.

use std::io;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use vigla_testkit::rtsp::NetworkCamera;
use vigla_testkit::{Child, until};

/// The camera and who films.
#[derive(Debug)]
pub struct Film {
    camera: NetworkCamera,
    _ffmpeg: Child,
    _folder: tempfile::TempDir,
}

/// Small and slow: an emulated board decodes it.
const AS: &[&str] = &[
    "-an",
    "-vf",
    "fps=4,scale=320:-2",
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-g",
    "8",
    "-flags",
    "+global_header",
    "-pix_fmt",
    "yuv420p",
    "-f",
    "rtp",
];

impl Film {
    /// Films `clip` over and over.
    ///
    /// # Errors
    /// When ffmpeg is missing or cannot read the clip.
    pub fn of(clip: &std::path::Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let sdp = folder.path().join("sdp");
        let packets = UdpSocket::bind(("127.0.0.1", 0))?;
        packets.set_read_timeout(Some(Duration::from_secs(1)))?;
        let port = packets.local_addr()?.port();
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i"]);
        ffmpeg.arg(clip).args(AS).arg("-sdp_file").arg(&sdp);
        ffmpeg.arg(format!("rtp://127.0.0.1:{port}?pkt_size=1200"));
        let ffmpeg = Child::start("ffmpeg", ffmpeg.stdout(Stdio::null()))?;
        let told = until("what the film is", Duration::from_mins(1), || {
            let told = std::fs::read_to_string(&sdp).ok()?;
            told.contains("sprop-parameter-sets").then_some(told)
        })
        .context("ffmpeg films nothing")?;
        let camera = NetworkCamera::start(0, &interleaved(&told), move |send| {
            loop {
                let mut packet = [0; 2048];
                match packets.recv(&mut packet) {
                    Ok(length) => send(&packet[..length])?,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        })?;
        Ok(Self {
            camera,
            _ffmpeg: ffmpeg,
            _folder: folder,
        })
    }

    /// Where it listens on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.camera.port()
    }
}

/// What ffmpeg tells of a stream in packets of its own, for one that goes through the connection.
fn interleaved(told: &str) -> String {
    let lines = told.lines().filter(|line| !line.starts_with("SDP:"));
    let lines = lines.map(|line| match line.split_once(" RTP/AVP ") {
        Some((_, format)) => format!("m=video 0 RTP/AVP {format}"),
        None => line.trim_end().to_owned(),
    });
    let mut lines: Vec<_> = lines.collect();
    lines.push("a=control:track0\r\n".to_owned());
    lines.join("\r\n")
}
