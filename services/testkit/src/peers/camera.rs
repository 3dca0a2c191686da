//! One camera of the stand-in.

use std::collections::HashMap;

use vigla_bus::Error;
use vigla_bus::camera::{Control, RingHandles};
use zbus::Variant;

use super::rings::Doors;

/// What a camera says of itself. It streams, and its picture is fine.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Id.
    pub id: String,
    /// What a person calls it.
    pub label: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Frames in the last second.
    pub frame_rate: f64,
    /// Its one control.
    pub control: Control,
}

impl Camera {
    /// `The <id>`, 64x48 pixels, 29.97 frames a second, with a control `brightness` from -64 to 64.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            label: format!("The {id}"),
            size: (64, 48),
            frame_rate: 29.97,
            control: Control {
                name: "brightness".to_owned(),
                minimum: -64,
                maximum: 64,
                step: 1,
                default: 0,
                value: 0,
            },
        }
    }
}

/// The object.
pub(super) struct Served {
    pub(super) camera: Camera,
    pub(super) doors: Doors,
}

#[allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the shapes that the interface asks for"
)]
#[zbus::interface(name = "org.vigla.Camera1.Camera")]
impl Served {
    fn open(
        &self,
        encoding: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        if encoding != "jpeg" {
            let text = format!("this camera has only `jpeg`, asked for `{encoding}`");
            return Err(Error::InvalidArgument(text));
        }
        self.doors.open(&self.camera.id, &options)
    }

    fn list_controls(&self) -> Vec<Control> {
        vec![self.camera.control.clone()]
    }

    fn set_control(&mut self, name: &str, value: i64) -> Result<(), Error> {
        if name != self.camera.control.name {
            return Err(Error::NotFound(format!("no control `{name}`")));
        }
        self.camera.control.value = value;
        Ok(())
    }

    #[zbus(property)]
    fn id(&self) -> &str {
        &self.camera.id
    }
    #[zbus(property)]
    fn label(&self) -> &str {
        &self.camera.label
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
        self.camera.size.0
    }
    #[zbus(property)]
    fn height(&self) -> u32 {
        self.camera.size.1
    }
    #[zbus(property)]
    fn frame_rate(&self) -> f64 {
        self.camera.frame_rate
    }
    #[zbus(property)]
    fn masks(&self) -> u32 {
        0
    }
}
