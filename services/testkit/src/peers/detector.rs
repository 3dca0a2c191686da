//! The detector's stand-in: a list of events, two models to load, one zone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use vigla_bus::Error;
use vigla_bus::camera::RingHandles;
use vigla_bus::detector::{Event, Model, Shape};
use zbus::Variant;
use zbus::object_server::SignalEmitter;

use super::rings::Doors;

/// The events that the detector lists, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Events(Arc<Mutex<Vec<Event>>>, Arc<Mutex<Vec<u64>>>);

impl Events {
    /// Adds one at the end, without a signal.
    pub fn add(&self, event: Event) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
    }

    /// Forgets them, as a restart does.
    pub fn clear(&self) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.clear();
    }

    /// The newest after `after`, at most `limit`.
    fn after(&self, after: u64, limit: usize) -> Vec<Event> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newer: Vec<_> = events.iter().filter(|e| e.id > after).cloned().collect();
        newer[newer.len().saturating_sub(limit)..].to_vec()
    }
}

/// The object.
pub(super) struct Served {
    pub(super) doors: Doors,
    pub(super) events: Events,
}

#[allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the shapes that the interface asks for"
)]
#[zbus::interface(name = "org.vigla.Detector1")]
impl Served {
    fn open(
        &self,
        camera_id: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        self.doors.open(camera_id, &options)
    }

    /// `good` can be loaded, `busy` never; there is no other.
    fn load_model(&self, name: &str, version: &str) -> Result<Model, Error> {
        match (name, version) {
            ("good", "") => Ok(model("good", "2")),
            ("busy", _) => Err(Error::Busy("another model is being loaded".to_owned())),
            _ => Err(Error::NotFound(format!(
                "no model `{name}`; there is `good`"
            ))),
        }
    }

    fn list_events(&self, after: u64, limit: u32) -> Vec<Event> {
        self.events
            .after(after, usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// The least that begins and ends like a JPEG, with the event's id inside.
    fn event_picture(&self, id: u64) -> Result<Vec<u8>, Error> {
        let before = id.saturating_sub(1);
        let known = self.events.after(before, usize::MAX);
        let forgotten = self.events.1.lock().unwrap_or_else(PoisonError::into_inner);
        if forgotten.contains(&id) {
            return Err(Error::NotFound(format!("event {id}")));
        }
        if known.first().is_none_or(|event| event.id != id) {
            return Err(Error::NotFound(format!("event {id}")));
        }
        Ok(vec![0xff, 0xd8, u8::try_from(id).unwrap_or(0), 0xff, 0xd9])
    }

    fn forget_pictures(&self, ids: Vec<u64>) {
        let all = self.events.after(0, usize::MAX);
        let all = all.iter().map(|event| event.id);
        let mut forgotten = self.events.1.lock().unwrap_or_else(PoisonError::into_inner);
        forgotten.extend(all.filter(|id| ids.is_empty() || ids.contains(id)));
    }

    #[zbus(property)]
    fn model(&self) -> Model {
        model("fake", "1")
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
    pub(super) async fn detection_reported(
        emitter: &SignalEmitter<'_>,
        event: Event,
    ) -> zbus::Result<()>;
}

fn model(name: &str, version: &str) -> Model {
    Model {
        name: name.to_owned(),
        version: version.to_owned(),
        digest: "0a".repeat(32),
    }
}
