//! P4: what one more client of the preview costs, against uStreamer. Both have the same 720p30 MJPEG from the
//! same stand-in for V4L2, both run at the same time, and the same clients look at both. What one more client
//! costs is the CPU with many, less the CPU with one, by each picture that the others were given.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use vigla_testkit::{Child, Daemon, Rig, free_port, until};

use crate::gauge::{median, pause};
use crate::process::{cpu_of, page};
use crate::row::{Goal, Row};
use crate::shim::Shim;
use crate::viewer::Viewer;

const ROUNDS: usize = 7;
const SPAN: Duration = Duration::from_secs(4);
/// After clients came or went.
const SETTLE: Duration = Duration::from_millis(1500);
/// Clients beside the first.
const MORE: usize = 4;
/// Pictures a second and client, of 30, below which something else is measured.
const LEAST_RATE: f64 = 8.0;
const PROGRAM: &str = "ustreamer";
const SOON: Duration = Duration::from_secs(20);

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let known = Command::new(PROGRAM).arg("--version").output();
    let version = known.with_context(|| format!("install the package `{PROGRAM}`"))?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();

    let rig = Rig::start()?;
    let shim = Shim::new(&rig.dir().join("kernel"))?;
    let peer = Server::ustreamer(&shim)?;
    let (ours, _daemons) = Server::ours(&rig, &shim)?;
    let mut rounds = Vec::new();
    let _first = (Viewer::fast(ours.port)?, Viewer::fast(peer.port)?);
    for _ in 0..ROUNDS {
        pause(SETTLE);
        let alone = (ours.cpu()?, peer.cpu()?);
        pause(SPAN);
        let one = (ours.cpu()? - alone.0, peer.cpu()? - alone.1);
        let more = (ours.more()?, peer.more()?);
        pause(SETTLE);
        let begin = (count(&more.0), count(&more.1));
        let crowd = (ours.cpu()?, peer.cpu()?);
        pause(SPAN);
        let many = (ours.cpu()? - crowd.0, peer.cpu()? - crowd.1);
        let pictures = (count(&more.0) - begin.0, count(&more.1) - begin.1);
        anyhow::ensure!(pictures.0 > 0 && pictures.1 > 0, "a stream stands still");
        rounds.push((
            (many.0 - one.0) / pictures.0 as f64 * 1e6,
            (many.1 - one.1) / pictures.1 as f64 * 1e6,
            pictures,
        ));
    }
    let ratio = median(rounds.iter().map(|(ours, peer, _)| ours / peer));
    let theirs = median(rounds.iter().map(|(_, peer, _)| *peer));
    let (our_pictures, their_pictures) = rounds
        .iter()
        .fold((0, 0), |sum, (_, _, p)| (sum.0 + p.0, sum.1 + p.1));
    let seconds = SPAN.as_secs_f64() * (ROUNDS * MORE) as f64;
    let rate = (
        our_pictures as f64 / seconds,
        their_pictures as f64 / seconds,
    );
    // uStreamer shows one a second of its own when it has no camera.
    anyhow::ensure!(
        rate.0.min(rate.1) > LEAST_RATE,
        "clients get {:.1} and {:.1} pictures a second",
        rate.0,
        rate.1
    );
    let encodes = encodes(&rig)?;
    Ok(vec![
        Row::ratio(
            "P4",
            "CPU of one more 720p30 client / the same of uStreamer",
            (ratio * theirs, theirs),
            Goal::AtMost(0.9),
            format!(
                "us per picture of {} kB and client, {MORE} more beside one, {ROUNDS} pairs; {:.1} and {:.1} \
                 pictures a second and client; {PROGRAM} {version}, passthrough",
                shim.picture_bytes / 1000,
                rate.0,
                rate.1,
            ),
        ),
        Row::limit(
            "P4",
            "pictures encoded again for them",
            encodes,
            Goal::AtMost(0.0),
            "by the metrics of camera and gateway",
        ),
    ])
}

fn count(viewers: &[Viewer]) -> u64 {
    viewers.iter().map(|viewer| viewer.seen().pictures).sum()
}

/// Encoded by the camera, or drawn on by the gateway.
fn encodes(rig: &Rig) -> anyhow::Result<f64> {
    let sum = |noun: &str, name: &str| -> anyhow::Result<f64> {
        let page = page(rig, noun)?;
        let lines = page.lines().filter(|line| line.starts_with(name));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        let values: Vec<f64> = values.collect();
        anyhow::ensure!(!values.is_empty(), "no `{name}` on the page of `{noun}`");
        Ok(values.iter().sum())
    };
    Ok(sum("camera", "vigla_camera_encodes_total")?
        + sum("gateway", "vigla_gateway_burned_pictures_total")?)
}

/// Who serves the stream at a port.
struct Server {
    port: u16,
    pids: Vec<u32>,
    /// uStreamer; ends with it.
    _child: Option<Child>,
}

impl Server {
    fn ours(rig: &Rig, shim: &Shim) -> anyhow::Result<(Self, [Daemon; 2])> {
        let port = free_port()?;
        let camera = rig.daemon("camera").settings(&shim.settings());
        let camera = shim
            .environment()
            .iter()
            .fold(camera, |builder, (name, value)| builder.env(name, value));
        let mut daemons = [
            camera.start()?,
            rig.daemon("gateway")
                .settings(&format!("listen = \"127.0.0.1:{port}\"\n"))
                .start()?,
        ];
        let pids = daemons.each_mut().map(|daemon| daemon.child().pid()).into();
        until("our first picture", SOON, || {
            let answer = vigla_system_tests::http::get(port, "/snapshot").ok()?;
            (answer.status == 200).then_some(())
        })
        .with_context(|| daemons.each_ref().map(Daemon::log).join("\n"))?;
        let server = Self {
            port,
            pids,
            _child: None,
        };
        Ok((server, daemons))
    }

    fn ustreamer(shim: &Shim) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(PROGRAM);
        command
            .args(["--format", "MJPEG", "--encoder", "HW"])
            .args(["--resolution", "1280x720", "--desired-fps", "30"])
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .arg("--device")
            .arg(shim.node())
            .envs(shim.environment())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = Child::start(PROGRAM, &mut command)?;
        until("uStreamer listens", SOON, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        })?;
        Ok(Self {
            port,
            pids: vec![child.pid()],
            _child: Some(child),
        })
    }

    fn cpu(&self) -> anyhow::Result<f64> {
        cpu_of(&self.pids)
    }

    fn more(&self) -> anyhow::Result<Vec<Viewer>> {
        (0..MORE).map(|_| Viewer::fast(self.port)).collect()
    }
}
