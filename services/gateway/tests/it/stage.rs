//! The stage of a test: a private bus, a camera and a detector that show a frame every few
//! milliseconds, and the real gateway.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use vigla_bus::detector::{Event, FrameDetections, Object};
use vigla_frames::Meta;
use vigla_kit::Clock;
use vigla_testkit::{Daemon, Rig, free_port, until};

use crate::{
    client::{self, Answer},
    peers::{Peer, Rings},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Time between two frames of the stage.
const BEAT: Duration = Duration::from_millis(25);

/// Lets this process be camera and detector; the rest of the policy is the shipped one.
const FAKES: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy context="mandatory"><allow own="org.vigla.Camera1"/><allow own="org.vigla.Detector1"/></policy></busconfig>"#;

const CAMERAS: [&str; 2] = ["front", "yard"];

pub(crate) struct Stage {
    // In the order in which they end: first who looks, then what is looked at.
    pub(crate) gateway: Option<Daemon>,
    camera: Option<Peer>,
    detector: Option<Peer>,
    shown: Arc<Shown>,
    _beat: mpsc::Sender<()>,
    pub(crate) port: u16,
    settings: String,
    pub(crate) rig: Rig,
}

/// What is shown, by the thread that keeps the beat.
pub(crate) struct Shown {
    pub(crate) pictures: Mutex<Option<Rings>>,
    pub(crate) records: Mutex<Option<Rings>>,
    jpeg: Vec<u8>,
    frame: AtomicU64,
    counting: AtomicBool,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Stage {
    /// Two cameras, a detector, and a gateway that serves.
    pub(crate) fn set() -> Self {
        Self::with(&small_jpeg(), "")
    }

    /// The same with pictures of one's own, and more settings.
    pub(crate) fn with(jpeg: &[u8], settings: &str) -> Self {
        let mut stage = Self::bare(jpeg, settings);
        stage.bring_camera();
        stage.bring_detector();
        stage.start_gateway();
        stage.wait_for("both cameras", |state| {
            state["cameras"].as_array().is_some_and(|c| c.len() == 2)
        });
        stage
    }

    /// Only the bus.
    pub(crate) fn bare(jpeg: &[u8], settings: &str) -> Self {
        let mut rig = Rig::start().unwrap();
        rig.kill_bus().unwrap();
        let policy = rig.dir().join("system.d/zz-fakes.conf");
        vigla_kit::atomic::write(&policy, FAKES.as_bytes()).unwrap();
        rig.start_bus().unwrap();
        let shown = Arc::new(Shown {
            pictures: Mutex::default(),
            records: Mutex::default(),
            jpeg: jpeg.to_vec(),
            frame: AtomicU64::new(1),
            counting: AtomicBool::new(true),
            events: Arc::default(),
        });
        let port = free_port().unwrap();
        Self {
            gateway: None,
            camera: None,
            detector: None,
            _beat: Shown::keep_beat(&shown),
            shown,
            port,
            settings: format!("listen = \"127.0.0.1:{port}\"\n{settings}"),
            rig,
        }
    }

    pub(crate) fn start_gateway(&mut self) {
        let daemon = self
            .rig
            .daemon("gateway")
            .binary(Path::new(env!("CARGO_BIN_EXE_vigla-gateway")))
            .settings(&self.settings)
            .arg("-v")
            .start()
            .unwrap();
        self.gateway = Some(daemon);
        let port = self.port;
        until("the gateway serves", PATIENCE, || {
            client::get(port, "/healthz").ok()
        })
        .unwrap();
    }

    pub(crate) fn bring_camera(&mut self) {
        let rings = Rings::new("pictures", &CAMERAS, self.shown.jpeg.len().max(4096));
        self.camera = Some(Peer::camera(&self.rig, &rings));
        *self.shown.pictures.lock().unwrap() = Some(rings);
    }

    /// The camera service ends: first its rings, as a kill does.
    pub(crate) fn take_camera(&mut self) {
        *self.shown.pictures.lock().unwrap() = None;
        self.camera = None;
    }

    pub(crate) fn bring_detector(&mut self) {
        self.shown.events.lock().unwrap().clear();
        let rings = Rings::new("detections", &CAMERAS, 16 << 10);
        self.detector = Some(Peer::detector(&self.rig, &rings, &self.shown.events));
        *self.shown.records.lock().unwrap() = Some(rings);
    }

    pub(crate) fn take_detector(&mut self) {
        *self.shown.records.lock().unwrap() = None;
        self.detector = None;
    }

    /// Adds an event to the detector's list, and signals it.
    pub(crate) fn report(&self, event: Event) {
        self.list(event.clone());
        self.detector.as_ref().unwrap().report(event);
    }

    /// Adds an event without a signal: there was one less than a second ago.
    pub(crate) fn list(&self, event: Event) {
        self.shown.events.lock().unwrap().push(event);
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        client::get(self.port, path).unwrap()
    }

    pub(crate) fn json(&self, path: &str) -> serde_json::Value {
        self.get(path).json()
    }

    pub(crate) fn wait_for(&self, what: &str, fits: impl Fn(&serde_json::Value) -> bool) {
        until(what, PATIENCE, || {
            fits(&self.json("/api/v1/state")).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
    }

    /// Readers of the picture ring of `camera`.
    pub(crate) fn picture_readers(&self, camera: &str) -> usize {
        let pictures = self.shown.pictures.lock().unwrap();
        pictures.as_ref().map_or(0, |rings| rings.readers(camera))
    }

    pub(crate) fn newest_frame(&self) -> u64 {
        self.shown.frame.load(Ordering::Relaxed)
    }

    pub(crate) fn log(&self) -> String {
        self.gateway.as_ref().map_or_else(String::new, Daemon::log)
    }
}

impl Shown {
    /// Shows a frame at each beat until the stage is gone.
    fn keep_beat(this: &Arc<Self>) -> mpsc::Sender<()> {
        let (sender, end) = mpsc::channel::<()>();
        let shown = Arc::clone(this);
        thread::spawn(move || {
            while end.recv_timeout(BEAT) == Err(mpsc::RecvTimeoutError::Timeout) {
                shown.show();
            }
        });
        sender
    }

    fn show(&self) {
        let frame_id = self.frame.fetch_add(1, Ordering::Relaxed);
        let meta = Meta {
            frame_id,
            time_usec: Clock::system().now_usec(),
            ..Meta::default()
        };
        for camera in CAMERAS {
            if let Some(rings) = &*self.pictures.lock().unwrap() {
                rings.publish(camera, meta, &self.jpeg);
            }
            // Two frames later, and for every other frame, as a detector does.
            if frame_id.is_multiple_of(2) && self.counting.load(Ordering::Relaxed) {
                let record = record(camera, frame_id.saturating_sub(2), meta.time_usec);
                if let Some(rings) = &*self.records.lock().unwrap() {
                    let meta = Meta {
                        frame_id: record.frame_id,
                        ..meta
                    };
                    rings.publish(camera, meta, &serde_json::to_vec(&record).unwrap());
                }
            }
        }
    }
}

fn record(camera: &str, frame_id: u64, time_usec: u64) -> FrameDetections {
    FrameDetections {
        camera_id: camera.to_owned(),
        frame_id,
        time_usec,
        lag_ms: 41.5,
        basis: "inferred".to_owned(),
        counts: [("car".to_owned(), 2), ("person".to_owned(), 1)].into(),
        arrivals: [("car".to_owned(), frame_id / 100)].into(),
        objects: vec![Object {
            track: 7,
            label: "car".to_owned(),
            score: 0.8,
            bounds: [0.2, 0.4, 0.8, 0.9],
            ..Object::default()
        }],
        ..FrameDetections::default()
    }
}

pub(crate) fn event(id: u64, camera: &str) -> Event {
    Event {
        id,
        camera_id: camera.to_owned(),
        frame_id: 10 * id,
        time_usec: 1_790_000_000_000_000 + id,
        kind: "arrival".to_owned(),
        label: "car".to_owned(),
        track: id,
        score: 0.5,
        bounds: (0.1, 0.2, 0.3, 0.4),
        counts: [("car".to_owned(), 1)].into(),
        reasons: [("gate-area".to_owned(), "0.12".to_owned())].into(),
        ..Event::default()
    }
}

/// A gray picture of 64 by 48.
pub(crate) fn small_jpeg() -> Vec<u8> {
    jpeg(64, 48, |_| 128)
}

/// A picture of some 300 kB: noise cannot be compressed.
pub(crate) fn large_jpeg() -> Vec<u8> {
    let mut state = 1_u32;
    jpeg(640, 480, move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
}

fn jpeg(width: usize, height: usize, shade: impl FnMut(usize) -> u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height * 3).map(shade).collect();
    let image = turbojpeg::Image {
        pixels: pixels.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x2)
        .unwrap()
        .to_vec()
}
