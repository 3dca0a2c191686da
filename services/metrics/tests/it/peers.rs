//! A camera and a detector of our own on a private bus: tiny, real objects with a real ring.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use vigla_bus::camera::RingHandles;
use vigla_bus::detector::{Event, FrameDetections, Model, Object, Shape};
use vigla_bus::names::{CAMERA, DETECTOR, camera_path};
use vigla_frames::{Config, Door, Meta, Outcome, Writer};
use vigla_testkit::Rig;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, Variant};

/// Lets this process be camera and detector too; the rest of the policy is the shipped one.
const FAKES: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="org.vigla.Camera1"/><allow own="org.vigla.Detector1"/></policy></busconfig>"#;

/// A private bus on which the fakes may live.
pub(crate) fn rig() -> Rig {
    let mut rig = Rig::start().unwrap();
    rig.kill_bus().unwrap();
    vigla_kit::atomic::write(&rig.dir().join("system.d/zz-fakes.conf"), FAKES.as_bytes()).unwrap();
    rig.start_bus().unwrap();
    rig
}

/// A frame record of `camera` with these counts.
pub(crate) fn frame(camera: &str, id: u64, counts: &[(&str, u32)]) -> FrameDetections {
    let counts: BTreeMap<String, u32> = counts
        .iter()
        .map(|(label, n)| ((*label).to_owned(), *n))
        .collect();
    let object = Object {
        track: 1,
        label: "car".into(),
        score: 0.5,
        bounds: [0.1, 0.2, 0.3, 0.4],
        ..Object::default()
    };
    FrameDetections {
        camera_id: camera.to_owned(),
        frame_id: id,
        time_usec: 1_790_000_000_000_000,
        lag_ms: 12.5,
        basis: "inferred".into(),
        objects: counts
            .values()
            .any(|n| *n > 0)
            .then_some(object)
            .into_iter()
            .collect(),
        counts,
        ..FrameDetections::default()
    }
}

/// An arrival at `camera`.
pub(crate) fn event(id: u64, camera: &str) -> Event {
    Event {
        id,
        camera_id: camera.to_owned(),
        frame_id: 10 + id,
        time_usec: u64::MAX >> 12,
        kind: "arrival".into(),
        label: "car".into(),
        track: id,
        score: 0.5,
        bounds: (0.1, 0.2, 0.3, 0.4),
        counts: BTreeMap::from([("car".to_owned(), 1)]),
        reasons: BTreeMap::from([("scores".to_owned(), "0.5".to_owned())]),
        ..Event::default()
    }
}

struct Root;

#[zbus::interface(name = "org.vigla.Camera1")]
impl Root {}

struct Camera(String);

#[zbus::interface(name = "org.vigla.Camera1.Camera")]
impl Camera {
    #[zbus(property)]
    fn id(&self) -> &str {
        &self.0
    }
    #[zbus(property)]
    fn label(&self) -> String {
        format!("The {}", self.0)
    }
}

#[derive(Default)]
struct Known {
    doors: HashMap<String, Door>,
    events: Vec<Event>,
}

struct Detector(Arc<Mutex<Known>>);

#[allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the shapes that the interface asks for"
)]
#[zbus::interface(name = "org.vigla.Detector1")]
impl Detector {
    fn open(
        &self,
        camera_id: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, vigla_bus::Error> {
        assert_eq!(
            options.get("wakeups"),
            Some(&Variant::from(false)),
            "metrics needs no wake-ups"
        );
        let known = self.0.lock().unwrap();
        let door = known
            .doors
            .get(camera_id)
            .ok_or_else(|| vigla_bus::Error::NotFound(camera_id.to_owned()))?;
        let handles = door.add_reader(false).unwrap();
        Ok(RingHandles {
            ring: handles.ring.into(),
            leases: handles.leases.into(),
            wakeup: handles.wakeup.into(),
        })
    }

    fn list_events(&self, after: u64, limit: u32) -> Vec<Event> {
        let known = self.0.lock().unwrap();
        let newer = known.events.iter().filter(|event| event.id > after);
        newer.take(limit as usize).cloned().collect()
    }

    #[zbus(property)]
    fn model(&self) -> Model {
        Model {
            name: "fake".into(),
            version: "1".into(),
            digest: "0a".repeat(32),
        }
    }

    #[zbus(property)]
    fn labels(&self) -> Vec<String> {
        vec!["car".into(), "person".into()]
    }

    #[zbus(property)]
    fn shapes(&self) -> HashMap<String, Vec<Shape>> {
        HashMap::new()
    }

    #[zbus(signal)]
    async fn detection_reported(emitter: &SignalEmitter<'_>, event: Event) -> zbus::Result<()>;
}

/// Camera and detector on one connection, in a thread of their own.
pub(crate) struct Peers {
    camera: Connection,
    detector: Connection,
    handle: Handle,
    known: Arc<Mutex<Known>>,
    writers: HashMap<String, Writer>,
    end: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Peers {
    /// Serves `cameras` on the bus of `rig`.
    pub(crate) fn start(rig: &Rig, cameras: &[&str]) -> Self {
        let known = Arc::new(Mutex::new(Known::default()));
        let mut writers = HashMap::new();
        for camera in cameras {
            let writer = Writer::create(
                "detections",
                Config {
                    slots: 4,
                    slot_bytes: 64 << 10,
                },
            )
            .unwrap();
            known
                .lock()
                .unwrap()
                .doors
                .insert((*camera).to_owned(), writer.door());
            writers.insert((*camera).to_owned(), writer);
        }
        let (address, names) = (
            rig.address(),
            cameras.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>(),
        );
        let (ready, started) = std::sync::mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let shared = known.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let both = serve(&address, &names, shared).await;
                ready.send((both, Handle::current())).unwrap();
                let _ = ended.await;
            });
        });
        let ([camera, detector], handle) = started.recv().unwrap();
        Self {
            camera,
            detector,
            handle,
            known,
            writers,
            end: Some(end),
        }
    }

    /// Publishes the record of one frame.
    pub(crate) fn see(&mut self, frame: &FrameDetections) {
        let meta = Meta {
            frame_id: frame.frame_id,
            time_usec: frame.time_usec,
            ..Meta::default()
        };
        let writer = self.writers.get_mut(&frame.camera_id).unwrap();
        let outcome = writer.publish(meta, &serde_json::to_vec(frame).unwrap());
        assert!(
            matches!(outcome, Outcome::Published | Outcome::NobodyLooks),
            "{outcome:?}"
        );
    }

    /// Publishes anything at all as a record.
    pub(crate) fn say(&mut self, camera: &str, bytes: &[u8]) {
        let outcome = self
            .writers
            .get_mut(camera)
            .unwrap()
            .publish(Meta::default(), bytes);
        assert_eq!(outcome, Outcome::Published);
    }

    /// How many read the ring of `camera`.
    pub(crate) fn readers(&self, camera: &str) -> usize {
        self.writers[camera].readers()
    }

    /// Adds an event to the list, without a signal.
    pub(crate) fn list(&self, event: Event) {
        self.known.lock().unwrap().events.push(event);
    }

    /// Adds an event and signals it.
    pub(crate) fn report(&self, event: Event) {
        self.list(event.clone());
        self.handle.block_on(async {
            let emitter = SignalEmitter::new(&self.detector, DETECTOR.path).unwrap();
            Detector::detection_reported(&emitter, event).await.unwrap();
        });
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let both = [self.camera.clone(), self.detector.clone()];
        self.handle.block_on(async {
            for connection in both {
                let _ = connection.close().await;
            }
        });
        drop(self.end.take());
    }
}

/// Two connections, as the policy of one name must not speak for the other.
async fn serve(address: &str, cameras: &[String], known: Arc<Mutex<Known>>) -> [Connection; 2] {
    let connect = || zbus::connection::Builder::address(address).build();
    let camera = connect().await.unwrap();
    let server = camera.object_server();
    server
        .at(CAMERA.path, zbus::fdo::ObjectManager)
        .await
        .unwrap();
    server.at(CAMERA.path, Root).await.unwrap();
    for id in cameras {
        server
            .at(camera_path(id), Camera(id.clone()))
            .await
            .unwrap();
    }
    let detector = connect().await.unwrap();
    detector
        .object_server()
        .at(DETECTOR.path, Detector(known))
        .await
        .unwrap();
    camera.request_name(CAMERA.name).await.unwrap();
    detector.request_name(DETECTOR.name).await.unwrap();
    [camera, detector]
}
