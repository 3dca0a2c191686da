//! A camera and a detector: tiny, real objects with real rings, each on a connection of its own.
#![allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the interface macro asks for these signatures"
)]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use tokio::{runtime::Handle, sync::oneshot};
use vigla_bus::{
    Error, Problem,
    camera::RingHandles,
    detector::{Event, Model, Shape},
    names::{CAMERA, DETECTOR, camera_path},
};
use vigla_frames::{Config, Door, Meta, Writer};
use vigla_testkit::Rig;
use zbus::{Connection, Variant, object_server::SignalEmitter};

/// One ring per camera, published to by the stage.
pub(crate) struct Rings(Mutex<BTreeMap<String, Writer>>);

impl Rings {
    pub(crate) fn new(name: &str, cameras: &[&str], slot_bytes: usize) -> Self {
        let config = Config {
            slots: 4,
            slot_bytes,
        };
        let ring = |id: &&str| ((*id).to_owned(), Writer::create(name, config).unwrap());
        Self(Mutex::new(cameras.iter().map(ring).collect()))
    }

    pub(crate) fn publish(&self, camera: &str, meta: Meta, payload: &[u8]) {
        if let Some(writer) = self.0.lock().unwrap().get_mut(camera) {
            // What nobody looks at, or has no room, is not shown: as with a real camera.
            let _ = writer.publish(meta, payload);
        }
    }

    /// How many look at the ring of `camera`.
    pub(crate) fn readers(&self, camera: &str) -> usize {
        self.0.lock().unwrap()[camera].readers()
    }

    fn doors(&self) -> Doors {
        let rings = self.0.lock().unwrap();
        Doors(
            rings
                .iter()
                .map(|(id, writer)| (id.clone(), writer.door()))
                .collect(),
        )
    }
}

struct Doors(BTreeMap<String, Door>);

impl Doors {
    fn open(
        &self,
        camera: &str,
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        let door = self.0.get(camera);
        let door = door.ok_or_else(|| Error::NotFound(camera.to_owned()))?;
        let wakeups = options.get("wakeups") != Some(&Variant::from(false));
        let handles = door
            .add_reader(wakeups)
            .map_err(|error| Error::NotReady(error.to_string()))?;
        Ok(RingHandles {
            ring: handles.ring.into(),
            leases: handles.leases.into(),
            wakeup: handles.wakeup.into(),
        })
    }
}

/// What every daemon says of itself.
struct Daemon;

#[zbus::interface(name = "org.vigla.Daemon1")]
impl Daemon {
    #[zbus(property)]
    fn version(&self) -> &'static str {
        "0.0.0"
    }
    #[zbus(property)]
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

struct Camera {
    id: String,
    doors: Arc<Doors>,
}

#[zbus::interface(name = "org.vigla.Camera1.Camera")]
impl Camera {
    fn open(
        &self,
        encoding: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        assert_eq!(encoding, "jpeg", "the gateway wants nothing else");
        self.doors.open(&self.id, &options)
    }
    #[zbus(property)]
    fn id(&self) -> &str {
        &self.id
    }
    #[zbus(property)]
    fn label(&self) -> String {
        format!("The {}", self.id)
    }
    #[zbus(property)]
    fn source(&self) -> &'static str {
        "synthetic"
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
        64
    }
    #[zbus(property)]
    fn height(&self) -> u32 {
        48
    }
    #[zbus(property)]
    fn frame_rate(&self) -> f64 {
        29.97
    }
    #[zbus(property)]
    fn masks(&self) -> u32 {
        0
    }
}

struct Detector {
    doors: Doors,
    events: Arc<Mutex<Vec<Event>>>,
}

#[zbus::interface(name = "org.vigla.Detector1")]
impl Detector {
    fn open(
        &self,
        camera_id: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        self.doors.open(camera_id, &options)
    }

    fn list_events(&self, after: u64, limit: u32) -> Vec<Event> {
        let events = self.events.lock().unwrap();
        let newer: Vec<_> = events.iter().filter(|e| e.id > after).cloned().collect();
        newer[newer.len().saturating_sub(limit as usize)..].to_vec()
    }

    fn event_picture(&self, id: u64) -> Result<Vec<u8>, Error> {
        if self.events.lock().unwrap().iter().any(|e| e.id == id) {
            Ok(vec![0xff, 0xd8, u8::try_from(id).unwrap_or(0), 0xff, 0xd9])
        } else {
            Err(Error::NotFound(format!("event {id}")))
        }
    }

    #[zbus(property)]
    fn model(&self) -> Model {
        Model {
            name: "fake".to_owned(),
            version: "1".to_owned(),
            digest: "0a".repeat(32),
        }
    }

    #[zbus(property)]
    fn labels(&self) -> Vec<String> {
        vec!["car".to_owned(), "person".to_owned()]
    }

    #[zbus(property)]
    fn shapes(&self) -> HashMap<String, Vec<Shape>> {
        let street = Shape {
            kind: "zone".to_owned(),
            name: "street".to_owned(),
            points: vec![(0.0, 0.5), (1.0, 0.5), (1.0, 1.0)],
        };
        HashMap::from([("front".to_owned(), vec![street])])
    }

    #[zbus(signal)]
    async fn detection_reported(emitter: &SignalEmitter<'_>, event: Event) -> zbus::Result<()>;
}

/// A service on the bus; it leaves when dropped.
pub(crate) struct Peer {
    connection: Connection,
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Peer {
    pub(crate) fn camera(rig: &Rig, rings: &Rings) -> Self {
        let doors = Arc::new(rings.doors());
        Self::serve(rig, async move |connection: &Connection| {
            let server = connection.object_server();
            server.at(CAMERA.path, zbus::fdo::ObjectManager).await?;
            server.at(CAMERA.path, Daemon).await?;
            for id in doors.0.keys() {
                let camera = Camera {
                    id: id.clone(),
                    doors: Arc::clone(&doors),
                };
                server.at(camera_path(id), camera).await?;
            }
            connection.request_name(CAMERA.name).await
        })
    }

    pub(crate) fn detector(rig: &Rig, rings: &Rings, events: &Arc<Mutex<Vec<Event>>>) -> Self {
        let detector = Detector {
            doors: rings.doors(),
            events: Arc::clone(events),
        };
        Self::serve(rig, async move |connection: &Connection| {
            let server = connection.object_server();
            server.at(DETECTOR.path, detector).await?;
            server.at(DETECTOR.path, Daemon).await?;
            connection.request_name(DETECTOR.name).await
        })
    }

    fn serve<F>(rig: &Rig, offer: F) -> Self
    where
        F: AsyncFnOnce(&Connection) -> zbus::Result<()> + Send + 'static,
    {
        let address = rig.address();
        let (ready, started) = mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let builder = zbus::connection::Builder::address(address.as_str());
                let connection = builder.build().await.unwrap();
                offer(&connection).await.unwrap();
                ready.send((connection, Handle::current())).unwrap();
                let _ = ended.await;
            });
        });
        let (connection, handle) = started.recv().unwrap();
        Self {
            connection,
            handle,
            end: Some(end),
            thread: Some(thread),
        }
    }

    /// Signals an event, as the detector does.
    pub(crate) fn report(&self, event: Event) {
        self.handle.block_on(async {
            let emitter = SignalEmitter::new(&self.connection, DETECTOR.path).unwrap();
            Detector::detection_reported(&emitter, event).await.unwrap();
        });
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let connection = self.connection.clone();
        let _ = self.handle.block_on(async { connection.close().await });
        drop(self.end.take());
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}
