//! Fake services on a private bus: small, real objects, with real rings.

mod objects;

use std::collections::{BTreeMap, HashMap};

use vigla_bus::Problem;
use vigla_bus::detector::{Event, FrameDetections};
use vigla_bus::names::{CAMERA, DETECTOR, METRICS, Service, camera_path};
use vigla_frames::{Config, Door, Meta, Outcome, Writer};
use vigla_testkit::Rig;
use zbus::Connection;

use objects::{Camera, Daemon, Detector, Metrics};

/// Lets this process be every service.
const FAKES: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own_prefix="org.vigla"/></policy></busconfig>"#;

/// A private bus on which the fakes may live.
pub(crate) fn rig() -> Rig {
    let mut rig = Rig::start().unwrap();
    rig.kill_bus().unwrap();
    #[allow(clippy::disallowed_methods, reason = "a policy in a temporary folder")]
    std::fs::write(rig.dir().join("system.d/zz-fakes.conf"), FAKES).unwrap();
    rig.start_bus().unwrap();
    rig
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
