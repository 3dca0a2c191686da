//! The object `/org/vigla/Detector1`: checks arguments, asks, translates errors; decides nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use vigla_bus::Error;
use vigla_bus::camera::RingHandles;
use vigla_bus::detector::{Event, Model, Shape};
use vigla_bus::zbus::{self, Variant, object_server::SignalEmitter};
use vigla_frames::Door;

use crate::chronicle::{Chronicle, KEPT, Portrait};
use crate::loader::{Desk, Refusal};

/// The detection rings by camera id: eyes enter their doors, the bus hands out readers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doors(Arc<Mutex<BTreeMap<String, Door>>>);

impl Doors {
    /// Enters the ring of a camera, in the place of the one before.
    pub(crate) fn enter(&self, camera_id: &str, door: Door) {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doors.insert(camera_id.to_owned(), door);
    }

    fn get(&self, camera_id: &str) -> Option<Door> {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doors.get(camera_id).cloned()
    }
}

/// No model has a longer name or version: it would come back whole in the error.
const LONGEST: usize = 128;

/// Portraits are made within milliseconds of their event.
const MAKING: Duration = Duration::from_secs(2);

/// The served object.
#[derive(Debug)]
pub(crate) struct Detector {
    pub(crate) doors: Doors,
    pub(crate) desk: Desk,
    pub(crate) chronicle: Arc<Chronicle>,
    pub(crate) model: watch::Receiver<Model>,
    pub(crate) labels: Vec<String>,
    pub(crate) shapes: HashMap<String, Vec<Shape>>,
}

#[zbus::interface(name = "org.vigla.Detector1")]
impl Detector {
    #[allow(
        clippy::needless_pass_by_value,
        reason = "arguments of the bus are owned"
    )]
    fn open(
        &self,
        camera_id: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        let wakeups = wakeups(&options)?;
        let door = self.doors.get(camera_id);
        let door = door.ok_or_else(|| Error::NotFound("no such camera".into()))?;
        let handles = door.add_reader(wakeups).map_err(|error| match error {
            vigla_frames::Error::TooManyReaders => Error::Busy(error.to_string()),
            vigla_frames::Error::WriterGone => Error::NotFound(error.to_string()),
            other => internal(&other),
        })?;
        Ok(RingHandles {
            ring: handles.ring.into(),
            leases: handles.leases.into(),
            wakeup: handles.wakeup.into(),
        })
    }

    async fn load_model(&self, name: &str, version: &str) -> Result<Model, Error> {
        if name.len().max(version.len()) > LONGEST {
            let text = format!("a name or version has at most {LONGEST} bytes");
            return Err(Error::InvalidArgument(text));
        }
        let loaded = self.desk.load(name, version).await;
        loaded.map_err(|refusal| match refusal {
            Refusal::Busy => Error::Busy("a model is being loaded".into()),
            Refusal::Stopped => Error::NotReady("the detector is ending".into()),
            Refusal::Failed(error) => error.bus_error(),
        })
    }

    fn list_events(&self, after: u64, limit: u32) -> Result<Vec<Event>, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if !(1..=KEPT).contains(&limit) {
            let text = format!("`limit` must be 1 to {KEPT}, found {limit}");
            return Err(Error::InvalidArgument(text));
        }
        Ok(self.chronicle.after(after, limit))
    }

    async fn event_picture(&self, id: u64) -> Result<Vec<u8>, Error> {
        let mut made = self.chronicle.made();
        let made = async {
            loop {
                match self.chronicle.portrait(id) {
                    Portrait::Here(picture) => return Some(picture),
                    Portrait::None => return None,
                    Portrait::Coming => made.changed().await.ok()?,
                }
            }
        };
        // Made within milliseconds, or never: its thread has ended.
        let picture = tokio::time::timeout(MAKING, made).await.ok().flatten();
        let picture = picture.ok_or_else(|| Error::NotFound("no picture of that event".into()))?;
        Ok(picture.to_vec())
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "arguments of the bus are owned"
    )]
    fn forget_pictures(&self, ids: Vec<u64>) {
        self.chronicle.forget(&ids);
    }

    #[zbus(signal)]
    pub(crate) async fn detection_reported(
        emitter: &SignalEmitter<'_>,
        event: Event,
    ) -> zbus::Result<()>;

    #[zbus(property)]
    fn model(&self) -> Model {
        self.model.borrow().clone()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn labels(&self) -> Vec<String> {
        self.labels.clone()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn shapes(&self) -> HashMap<String, Vec<Shape>> {
        self.shapes.clone()
    }
}

/// The option `wakeups`, true by default; options of newer clients are left alone.
fn wakeups(options: &HashMap<&str, Variant<'_>>) -> Result<bool, Error> {
    match options.get("wakeups") {
        None => Ok(true),
        Some(Variant::Bool(wanted)) => Ok(*wanted),
        Some(_) => Err(Error::InvalidArgument("`wakeups` must be a boolean".into())),
    }
}

/// The caller learns that it was us; the journal learns what it was.
fn internal(error: &dyn std::error::Error) -> Error {
    tracing::error!(error = vigla_bus::chain(error), "cannot open a ring");
    Error::Internal("see the journal of `vigla-detector`".into())
}
