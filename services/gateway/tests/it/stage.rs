//! The stage of a test: a private bus, a camera and a detector that show a frame every few
//! milliseconds, and the real gateway.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use vigla_bus::{
    detector::{Event, FrameDetections, Object},
    gateway::GatewayProxy,
};
use vigla_frames::Meta;
use vigla_kit::Clock;
use vigla_testkit::{
    Daemon, Rig, free_port,
    peers::{self, Camera, Events, Peer, Rings},
    until,
};

use crate::{
    client::{self, Answer},
    pictures::small_jpeg,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Time between two frames of the stage.
const BEAT: Duration = Duration::from_millis(25);

/// When a guest link may end.
pub(crate) fn in_a_day() -> u64 {
    Clock::system().now_usec() + 24 * 3_600_000_000
}

const CAMERAS: [&str; 2] = ["front", "yard"];

pub(crate) struct Stage {
    // In the order in which they end: first who looks, then what is looked at.
    pub(crate) gateway: Option<Daemon>,
    camera: Option<Peer>,
    detector: Option<Peer>,
    shown: Arc<Shown>,
    _beat: mpsc::Sender<()>,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
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
    events: Events,
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

    /// A gateway that the network can reach, so with HTTPS and a log-in.
    pub(crate) fn networked(settings: &str) -> Self {
        let mut stage = Self::bare(&small_jpeg(), settings);
        let (port, tls_port) = (stage.port, stage.tls_port);
        // Keys of the file itself come before its tables.
        stage.settings = format!("tls.port = {tls_port}\nlisten = \"0.0.0.0:{port}\"\n{settings}");
        stage.bring_camera();
        stage.bring_detector();
        stage.start_gateway();
        stage
    }

    /// Only the bus.
    pub(crate) fn bare(jpeg: &[u8], settings: &str) -> Self {
        let shown = Arc::new(Shown {
            pictures: Mutex::default(),
            records: Mutex::default(),
            jpeg: jpeg.to_vec(),
            frame: AtomicU64::new(1),
            counting: AtomicBool::new(true),
            events: Events::default(),
        });
        let port = free_port().unwrap();
        Self {
            gateway: None,
            camera: None,
            detector: None,
            _beat: Shown::keep_beat(&shown),
            shown,
            port,
            tls_port: free_port().unwrap(),
            settings: format!("listen = \"127.0.0.1:{port}\"\n{settings}"),
            rig: peers::rig().unwrap(),
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
        let rings = Rings::new("pictures", &CAMERAS, self.shown.jpeg.len().max(4096)).unwrap();
        let cameras = CAMERAS.map(Camera::new).into();
        self.camera = Some(Peer::cameras(&self.rig, &rings, cameras).unwrap());
        *self.shown.pictures.lock().unwrap() = Some(rings);
    }

    /// The camera service ends: first its rings, as a kill does.
    pub(crate) fn take_camera(&mut self) {
        *self.shown.pictures.lock().unwrap() = None;
        self.camera = None;
    }

    pub(crate) fn bring_detector(&mut self) {
        self.shown.events.clear();
        let rings = Rings::new("detections", &CAMERAS, 16 << 10).unwrap();
        self.detector = Some(Peer::detector(&self.rig, &rings, &self.shown.events).unwrap());
        *self.shown.records.lock().unwrap() = Some(rings);
    }

    pub(crate) fn take_detector(&mut self) {
        *self.shown.records.lock().unwrap() = None;
        self.detector = None;
    }

    /// Adds an event to the detector's list, and signals it.
    pub(crate) fn report(&self, event: Event) {
        self.list(event.clone());
        self.detector.as_ref().unwrap().report(event).unwrap();
    }

    /// Adds an event without a signal: there was one less than a second ago.
    pub(crate) fn list(&self, event: Event) {
        self.shown.events.add(event);
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

    /// A file that the gateway keeps.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.rig.dir().join("state/gateway").join(name)
    }

    /// The one-time code, as its owner reads it.
    pub(crate) fn code(&self) -> String {
        std::fs::read_to_string(self.state("code")).unwrap()
    }

    /// Makes a token as `viglactl` does.
    pub(crate) fn token(
        &self,
        name: &str,
        scopes: &[&str],
        expires_usec: u64,
    ) -> zbus::Result<(String, String)> {
        self.on_bus(async |gateway| gateway.create_token(name, scopes, expires_usec).await)
    }

    /// How many tokens and links there are.
    pub(crate) fn tokens(&self) -> usize {
        self.on_bus(async |gateway| gateway.list_tokens().await)
            .unwrap()
            .len()
    }

    fn on_bus<T>(
        &self,
        ask: impl AsyncFnOnce(GatewayProxy<'static>) -> zbus::Result<T>,
    ) -> zbus::Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let address = self.rig.address();
            let bus = zbus::connection::Builder::address(address.as_str());
            let bus = bus.build().await?;
            ask(GatewayProxy::new(&bus).await?).await
        })
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
                // What nobody looks at, or has no room, is not shown: as with a real camera.
                let _ = rings.publish(camera, meta, &self.jpeg);
            }
            // Two frames later, and for every other frame, as a detector does.
            if frame_id.is_multiple_of(2) && self.counting.load(Ordering::Relaxed) {
                let record = record(camera, frame_id.saturating_sub(2), meta.time_usec);
                if let Some(rings) = &*self.records.lock().unwrap() {
                    let meta = Meta {
                        frame_id: record.frame_id,
                        ..meta
                    };
                    let _ = rings.publish(camera, meta, &serde_json::to_vec(&record).unwrap());
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
