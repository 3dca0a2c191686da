//! Fake services on a private bus: small, real objects, with real rings.

use std::collections::{BTreeMap, HashMap};

use vigla_bus::camera::{Control, RingHandles};
use vigla_bus::detector::{Event, FrameDetections, Model, Shape};
use vigla_bus::names::{CAMERA, DETECTOR, METRICS, Service, camera_path};

use vigla_bus::{Error, Problem, metrics::Sink};
use vigla_frames::{Config, Door, Handles, Meta, Outcome, Writer};
use vigla_testkit::Rig;
use zbus::{Connection, Variant};

/// Lets this process be every service.
const FAKES: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own_prefix="org.vigla"/><allow send_destination_prefix="org.vigla"/></policy></busconfig>"#;

/// A private bus on which the fakes may live.
pub(crate) fn rig() -> Rig {
    let mut rig = Rig::start().unwrap();
    rig.kill_bus().unwrap();
    #[allow(clippy::disallowed_methods, reason = "a policy in a temporary folder")]
    std::fs::write(rig.dir().join("system.d/zz-fakes.conf"), FAKES).unwrap();
    rig.start_bus().unwrap();
    rig
}

struct Daemon(Vec<Problem>);

#[allow(clippy::unused_self, reason = "the shapes that the interface asks for")]
#[zbus::interface(name = "org.vigla.Daemon1")]
impl Daemon {
    #[zbus(property)]
    fn version(&self) -> &'static str {
        "0.1.0"
    }
    #[zbus(property)]
    fn problems(&self) -> Vec<Problem> {
        self.0.clone()
    }
}

struct Metrics;

#[allow(clippy::unused_self, reason = "the shapes that the interface asks for")]
#[zbus::interface(name = "org.vigla.Metrics1")]
impl Metrics {
    #[zbus(property)]
    fn node_id(&self) -> &'static str {
        "vigla-0123456789ab"
    }
    #[zbus(property)]
    fn sinks(&self) -> Vec<Sink> {
        vec![Sink {
            name: "mqtt".into(),
            state: "connected".into(),
            accepted: 9,
            sent: 6,
            stored: 2,
            dropped: 1,
        }]
    }
}

struct Camera {
    id: String,
    door: Door,
    brightness: i64,
}

#[allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "the shapes that the interface asks for"
)]
#[zbus::interface(name = "org.vigla.Camera1.Camera")]
impl Camera {
    fn open(
        &self,
        encoding: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        assert_eq!(
            (encoding, options.get("wakeups")),
            ("jpeg", Some(&Variant::from(true)))
        );
        Ok(handles(self.door.add_reader(true).unwrap()))
    }
    fn list_controls(&self) -> Vec<Control> {
        let value = self.brightness;
        vec![Control {
            name: "brightness".into(),
            minimum: -64,
            maximum: 64,
            step: 1,
            default: 0,
            value,
        }]
    }
    fn set_control(&mut self, name: &str, value: i64) -> Result<(), Error> {
        if name != "brightness" {
            return Err(Error::NotFound(format!("no control `{name}`")));
        }
        self.brightness = value;
        Ok(())
    }
    #[zbus(property)]
    fn id(&self) -> &str {
        &self.id
    }
    #[zbus(property)]
    fn label(&self) -> &'static str {
        "The \x1b[31mdoor"
    }
    #[zbus(property)]
    fn state(&self) -> &'static str {
        "streaming"
    }
    #[zbus(property)]
    fn picture(&self) -> &'static str {
        "ok"
    }
    #[zbus(property)]
    fn format(&self) -> &'static str {
        "MJPG"
    }
    #[zbus(property)]
    fn width(&self) -> u32 {
        640
    }
    #[zbus(property)]
    fn frame_rate(&self) -> f64 {
        9.96
    }
}

struct Detector {
    doors: HashMap<String, Door>,
    events: Vec<Event>,
}

#[allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "the shapes that the interface asks for"
)]
#[zbus::interface(name = "org.vigla.Detector1")]
impl Detector {
    fn open(
        &self,
        camera_id: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        assert_eq!(options.get("wakeups"), Some(&Variant::from(false)));
        let door = self
            .doors
            .get(camera_id)
            .ok_or_else(|| Error::NotFound(camera_id.to_owned()))?;
        Ok(handles(door.add_reader(false).unwrap()))
    }
    fn load_model(&self, name: &str, version: &str) -> Result<Model, Error> {
        match (name, version) {
            ("good", "") => Ok(Model {
                name: "good".into(),
                version: "2".into(),
                digest: "ab".repeat(32),
            }),
            ("busy", _) => Err(Error::Busy("another model is being loaded".into())),
            _ => Err(Error::NotFound(format!(
                "no model `{name}`; there is `good`"
            ))),
        }
    }
    fn list_events(&self, after: u64, limit: u32) -> Vec<Event> {
        self.events
            .iter()
            .filter(|event| event.id > after)
            .take(limit as usize)
            .cloned()
            .collect()
    }
    #[zbus(property)]
    fn model(&self) -> Model {
        Model {
            name: "old".into(),
            version: "1".into(),
            digest: "cd".repeat(32),
        }
    }
    #[zbus(property)]
    fn labels(&self) -> Vec<String> {
        vec!["car".into(), "person".into()]
    }
    #[zbus(property)]
    fn shapes(&self) -> HashMap<String, Vec<Shape>> {
        let street = Shape {
            kind: "zone".into(),
            name: "street".into(),
            points: vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)],
        };
        HashMap::from([("front".to_owned(), vec![street])])
    }
}

fn handles(handles: Handles) -> RingHandles {
    RingHandles {
        ring: handles.ring.into(),
        leases: handles.leases.into(),
        wakeup: handles.wakeup.into(),
    }
}

/// All services but the gateway, with one camera `front` that has shown one picture.
pub(crate) struct Node {
    detections: Writer,
    _pictures: Writer,
    end: Option<tokio::sync::oneshot::Sender<()>>,
}

/// The bytes of the one picture.
pub(crate) const PICTURE: &[u8] = b"\xff\xd8 a picture \xff\xd9";

impl Node {
    /// Starts them; the metrics service has `problems`.
    pub(crate) fn start(rig: &Rig, problems: Vec<Problem>) -> Self {
        let config = Config {
            slots: 4,
            slot_bytes: 64 << 10,
        };
        let mut pictures = Writer::create("pictures", config).unwrap();
        let meta = Meta {
            frame_id: 42,
            time_usec: 7,
            ..Meta::default()
        };
        let detections = Writer::create("detections", config).unwrap();
        let (door, doors) = (
            pictures.door(),
            HashMap::from([("front".to_owned(), detections.door())]),
        );
        // A ring keeps nothing while nobody looks: this reader stays until the picture is in.
        let _reader = pictures.add_reader(false).unwrap();
        assert_eq!(pictures.publish(meta, PICTURE), Outcome::Published);
        let address = rig.address();
        let (ready, started) = std::sync::mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let connections = serve(&address, door, doors, problems).await;
                ready.send(()).unwrap();
                let _ = ended.await;
                drop(connections);
            });
        });
        started.recv().unwrap();
        Self {
            detections,
            _pictures: pictures,
            end: Some(end),
        }
    }

    /// Publishes what is seen in a frame.
    pub(crate) fn see(&mut self, frame_id: u64, cars: u32) {
        let counts = BTreeMap::from([("car".to_owned(), cars), ("person".to_owned(), 0)]);
        let time_usec = frame_id * 100_000;
        let frame = FrameDetections {
            camera_id: "front".into(),
            frame_id,
            time_usec,
            counts,
            basis: "inferred".into(),
            ..Default::default()
        };
        let meta = Meta {
            frame_id,
            time_usec,
            ..Meta::default()
        };
        // Nobody may be looking.
        let _ = self
            .detections
            .publish(meta, &serde_json::to_vec(&frame).unwrap());
    }

    /// How many look at the detections.
    pub(crate) fn watchers(&self) -> usize {
        self.detections.readers()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.end.take());
    }
}

async fn serve(
    address: &str,
    door: Door,
    doors: HashMap<String, Door>,
    problems: Vec<Problem>,
) -> Vec<Connection> {
    let mut connections = Vec::new();
    for (service, problems) in [
        (CAMERA, Vec::new()),
        (DETECTOR, Vec::new()),
        (METRICS, problems),
    ] {
        let connection = zbus::connection::Builder::address(address)
            .build()
            .await
            .unwrap();
        connection
            .object_server()
            .at(service.path, Daemon(problems))
            .await
            .unwrap();
        connections.push((service, connection));
    }
    let on = |service: Service| {
        let (_, connection) = connections.iter().find(|(of, _)| *of == service).unwrap();
        connection.object_server()
    };
    on(CAMERA)
        .at(CAMERA.path, zbus::fdo::ObjectManager)
        .await
        .unwrap();
    let camera = Camera {
        id: "front".into(),
        door,
        brightness: 0,
    };
    on(CAMERA).at(camera_path("front"), camera).await.unwrap();
    let event = |id| Event {
        id,
        camera_id: "front".into(),
        kind: "arrival".into(),
        label: "car".into(),
        track: id,
        ..Event::default()
    };
    on(DETECTOR)
        .at(
            DETECTOR.path,
            Detector {
                doors,
                events: (1..=3).map(event).collect(),
            },
        )
        .await
        .unwrap();
    on(METRICS).at(METRICS.path, Metrics).await.unwrap();
    for (service, connection) in &connections {
        connection.request_name(service.name).await.unwrap();
    }
    connections
        .into_iter()
        .map(|(_, connection)| connection)
        .collect()
}
