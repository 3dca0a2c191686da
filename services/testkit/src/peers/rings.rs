//! The rings of a stand-in: one per camera, published to by the test.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use vigla_bus::Error;
use vigla_bus::camera::RingHandles;
use vigla_frames::{Config, Door, Meta, Outcome, Writer};
use zbus::Variant;

/// Whether the last reader of each camera asked for wake-ups.
type Asked = Arc<Mutex<BTreeMap<String, bool>>>;

/// One ring per camera. They end when this is dropped, as when a service is killed.
#[derive(Debug)]
pub struct Rings {
    writers: Mutex<BTreeMap<String, Writer>>,
    asked: Asked,
}

impl Rings {
    /// Rings called `name` for `cameras`, with room for `slot_bytes` in a frame.
    pub fn new(name: &str, cameras: &[&str], slot_bytes: usize) -> anyhow::Result<Self> {
        let config = Config {
            slots: 4,
            slot_bytes,
        };
        let mut writers = BTreeMap::new();
        for camera in cameras {
            writers.insert((*camera).to_owned(), Writer::create(name, config)?);
        }
        Ok(Self {
            writers: Mutex::new(writers),
            asked: Asked::default(),
        })
    }

    /// Publishes a frame of `camera`. At a camera without a ring nobody looks.
    pub fn publish(&self, camera: &str, meta: Meta, payload: &[u8]) -> Outcome {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = writers.get_mut(camera);
        writer.map_or(Outcome::NobodyLooks, |writer| writer.publish(meta, payload))
    }

    /// Publishes a frame that stays even when nobody looks, for the first who comes.
    pub fn keep(&self, camera: &str, meta: Meta, payload: &[u8]) -> anyhow::Result<()> {
        let reader = self.doors().door(camera)?.add_reader(false)?;
        let outcome = self.publish(camera, meta, payload);
        drop(reader);
        anyhow::ensure!(outcome == Outcome::Published, "{outcome:?}");
        Ok(())
    }

    /// How many look at the ring of `camera`.
    pub fn readers(&self, camera: &str) -> usize {
        let writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.get(camera).map_or(0, Writer::readers)
    }

    /// Whether the last reader of `camera` asked for wake-ups; `None` when there was none.
    pub fn wakeups(&self, camera: &str) -> Option<bool> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(camera).copied()
    }

    pub(super) fn doors(&self) -> Doors {
        let writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let doors = writers
            .iter()
            .map(|(id, writer)| (id.clone(), writer.door()));
        Doors {
            doors: doors.collect(),
            asked: Arc::clone(&self.asked),
        }
    }
}

/// Where readers come in; it keeps no ring alive.
#[derive(Debug, Clone)]
pub(super) struct Doors {
    doors: BTreeMap<String, Door>,
    asked: Asked,
}

impl Doors {
    /// Answers `Open`, of the camera and of the detector alike.
    pub(super) fn open(
        &self,
        camera: &str,
        options: &HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        let wakeups = options.get("wakeups") != Some(&Variant::from(false));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(camera.to_owned(), wakeups);
        let handles = self.door(camera)?.add_reader(wakeups);
        let handles = handles.map_err(|error| Error::NotReady(error.to_string()))?;
        Ok(RingHandles {
            ring: handles.ring.into(),
            leases: handles.leases.into(),
            wakeup: handles.wakeup.into(),
        })
    }

    fn door(&self, camera: &str) -> Result<&Door, Error> {
        let door = self.doors.get(camera);
        door.ok_or_else(|| Error::NotFound(camera.to_owned()))
    }
}
