//! The objects that the fake services serve.

use std::collections::HashMap;

use vigla_bus::camera::{Control, RingHandles};
use vigla_bus::detector::{Event, Model, Shape};
use vigla_bus::{Error, Problem, metrics::Sink};
use vigla_frames::{Door, Handles};
use zbus::Variant;

pub(super) struct Daemon(pub(super) Vec<Problem>);

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

pub(super) struct Metrics;

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

pub(super) struct Camera {
    pub(super) id: String,
    pub(super) door: Door,
    pub(super) brightness: i64,
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

pub(super) struct Detector {
    pub(super) doors: HashMap<String, Door>,
    pub(super) events: Vec<Event>,
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
