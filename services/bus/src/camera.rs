//! `org.vigla.Camera1`: cameras and their frame rings.
//!
//! The root object `/org/vigla/Camera1` implements `org.freedesktop.DBus.ObjectManager`: a camera
//! appears as an object with interface `org.vigla.Camera1.Camera` when it is first seen and stays,
//! in state `absent`, while it is unplugged. Pictures never cross the bus: [`CameraProxy::open`]
//! hands out three descriptors, and from then on frames travel through shared memory
//! (`vigla-frames`).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use zbus::{OwnedFd, OwnedVariant, Type, Variant};

/// The interface of one camera object.
pub const INTERFACE: &str = "org.vigla.Camera1.Camera";

/// The descriptors of one reader of a ring, in the order of `vigla_frames::Reader::open`.
#[derive(Debug, Serialize, Deserialize, Type)]
pub struct RingHandles {
    /// The ring: a sealed memfd, mapped read-only.
    pub ring: OwnedFd,
    /// This reader's lease page: a sealed memfd of one page that only this reader writes.
    pub leases: OwnedFd,
    /// This reader's wake-up socket (`SOCK_SEQPACKET`): 8 bytes per frame; its hang-up is the
    /// reader's departure.
    pub wakeup: OwnedFd,
}

/// One control that a camera offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Control {
    /// Kebab-case name made from the driver's (`brightness`, `exposure-time-absolute`).
    pub name: String,
    /// Smallest value.
    pub minimum: i64,
    /// Largest value.
    pub maximum: i64,
    /// Distance between two valid values, at least 1.
    pub step: i64,
    /// The driver's default.
    pub default: i64,
    /// The value now.
    pub value: i64,
}

/// Everything a client reads of a camera: the properties of [`CameraProxy`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CameraState {
    /// See [`CameraProxy::id`].
    pub id: String,
    /// See [`CameraProxy::label`].
    pub label: String,
    /// See [`CameraProxy::source`].
    pub source: String,
    /// See [`CameraProxy::location`].
    pub location: String,
    /// See [`CameraProxy::state`].
    pub state: String,
    /// See [`CameraProxy::picture`].
    pub picture: String,
    /// See [`CameraProxy::format`].
    pub format: String,
    /// See [`CameraProxy::width`].
    pub width: u32,
    /// See [`CameraProxy::height`].
    pub height: u32,
    /// See [`CameraProxy::frame_rate`].
    pub frame_rate: f64,
    /// See [`CameraProxy::masks`].
    pub masks: u32,
}

impl CameraState {
    /// Reads the properties of a camera object; what is missing or of another type stays empty.
    #[must_use]
    pub fn from_properties(properties: &HashMap<String, OwnedVariant>) -> Self {
        let text = |key: &str| {
            let value = properties
                .get(key)
                .and_then(|v| v.downcast_ref::<&str>().ok());
            value.unwrap_or_default().to_owned()
        };
        let number = |key: &str| {
            properties
                .get(key)
                .and_then(|v| v.downcast_ref::<u32>().ok())
                .unwrap_or(0)
        };
        let rate = properties
            .get("FrameRate")
            .and_then(|v| v.downcast_ref::<f64>().ok());
        Self {
            id: text("Id"),
            label: text("Label"),
            source: text("Source"),
            location: text("Location"),
            state: text("State"),
            picture: text("Picture"),
            format: text("Format"),
            width: number("Width"),
            height: number("Height"),
            frame_rate: rate.unwrap_or(0.0),
            masks: number("Masks"),
        }
    }
}

/// One camera.
#[zbus::proxy(
    interface = "org.vigla.Camera1.Camera",
    default_service = "org.vigla.Camera1"
)]
pub trait Camera {
    /// Opens a ring for one more reader.
    ///
    /// `encoding` is `native` (as captured: see `Format`) or `jpeg` (the captured bytes when the
    /// camera gives MJPEG, else encoded once for all readers). `options`: `wakeups` (b, default
    /// true): whether a wake-up is sent for each frame; a reader on its own timer needs none.
    ///
    /// Errors: `InvalidArgument` for another encoding, `NotReady` before the first frame.
    fn open(
        &self,
        encoding: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<RingHandles>;

    /// The controls that the device offers; empty for anything but V4L2.
    fn list_controls(&self) -> zbus::Result<Vec<Control>>;

    /// Sets a control. Errors: `NotFound`, `InvalidArgument` (range or step), `NotReady` (absent).
    fn set_control(&self, name: &str, value: i64) -> zbus::Result<()>;

    /// Stable id: the name in the configuration, else made from bus path and serial.
    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> zbus::Result<String>;

    /// What a person calls it; the id when nobody named it.
    #[zbus(property(emits_changed_signal = "const"))]
    fn label(&self) -> zbus::Result<String>;

    /// `v4l2`, `replay`, `rtsp` or `synthetic`.
    #[zbus(property(emits_changed_signal = "const"))]
    fn source(&self) -> zbus::Result<String>;

    /// USB path and serial, file name, or address without credentials.
    #[zbus(property(emits_changed_signal = "const"))]
    fn location(&self) -> zbus::Result<String>;

    /// `starting`, `streaming`, `failed` (retrying) or `absent` (unplugged).
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;

    /// What the picture is like: `ok`, `frozen`, `black`, `dark`, `torn`, or `unknown` before the
    /// first frame.
    #[zbus(property)]
    fn picture(&self) -> zbus::Result<String>;

    /// Four-character code of the native ring: `MJPG`, `YUYV` or `RGB3`; empty before the first frame.
    #[zbus(property)]
    fn format(&self) -> zbus::Result<String>;

    /// Width in pixels; 0 before the first frame.
    #[zbus(property)]
    fn width(&self) -> zbus::Result<u32>;

    /// Height in pixels; 0 before the first frame.
    #[zbus(property)]
    fn height(&self) -> zbus::Result<u32>;

    /// Frames in the last second, measured. Not signalled: it is a fast-moving number.
    #[zbus(property(emits_changed_signal = "false"))]
    fn frame_rate(&self) -> zbus::Result<f64>;

    /// How many privacy masks are burned into every frame.
    #[zbus(property(emits_changed_signal = "const"))]
    fn masks(&self) -> zbus::Result<u32>;
}
