//! `org.vigla.Detector1`: the model, what it sees, and what counts as an event.
//!
//! The boxes of every frame travel through a ring per camera (payload: one [`FrameDetections`] as
//! JSON), never over the bus. The signal `DetectionReported` is for events, at most one a second
//! and camera.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use zbus::{Type, Variant};

use crate::camera::RingHandles;

/// The interface of the root object.
pub const INTERFACE: &str = "org.vigla.Detector1";

/// A model as the detector runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Model {
    /// Name (`cocossd-mnv2-300-int8`).
    pub name: String,
    /// Version of the manifest (`1`).
    pub version: String,
    /// SHA-256 of the model file, 64 hex digits.
    pub digest: String,
}

/// One object in one frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// Track id, unique within a camera and boot of the detector, from 1.
    pub track: u64,
    /// Label from the model's label file (`person`, `car`).
    pub label: String,
    /// Confidence, 0..=1.
    pub score: f32,
    /// `[left, top, right, bottom]`, shares of the picture.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// Names of the zones whose polygon holds the object's foot point.
    pub zones: Vec<String>,
    /// True when it has not moved for the configured time.
    pub stationary: bool,
    /// How long it has been in view, in milliseconds.
    pub dwell_ms: u64,
    /// Since when no detection supports its box, in milliseconds; 0 when it was seen on this very
    /// frame. Above 0 the box is where the tracker expects it: it counts, but it is not a finding.
    #[serde(default)]
    pub unseen_ms: u64,
}

/// What the detector says of one frame: the payload of a detection ring.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameDetections {
    /// The camera's id.
    pub camera_id: String,
    /// The frame's id, the same as in the camera's rings.
    pub frame_id: u64,
    /// When the frame was captured, microseconds since the epoch.
    pub time_usec: u64,
    /// From capture to this record, in milliseconds.
    pub lag_ms: f32,
    /// `inferred` (the model looked), `still` (the motion gate was closed: objects carried over),
    /// `truth` (a synthetic picture says itself what it shows), or `no-model` (degraded: no
    /// objects).
    pub basis: String,
    /// Share of the picture that moved, 0..=1.
    pub gate_area: f32,
    /// Objects in view by label; every counted label is present, also with 0.
    pub counts: BTreeMap<String, u32>,
    /// Arrivals by label since the detector started.
    pub arrivals: BTreeMap<String, u64>,
    /// Crossings by line and direction (`line/in`, `line/out`) since the detector started.
    pub crossings: BTreeMap<String, u64>,
    /// The objects in view.
    pub objects: Vec<Object>,
}

/// An event: an arrival, a departure, a line crossed or a changed count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct Event {
    /// Unique within a boot of the detector and rising.
    pub id: u64,
    /// The camera's id.
    pub camera_id: String,
    /// The frame it was decided on.
    pub frame_id: u64,
    /// When that frame was captured, microseconds since the epoch.
    pub time_usec: u64,
    /// How far the clock could be trusted then: `floor`, `agreed` or `synced`. Empty in a replay, whose
    /// time is that of the recording.
    #[serde(default)]
    pub time_quality: String,
    /// `arrival`, `departure`, `crossing` or `count`.
    pub kind: String,
    /// The object's label.
    pub label: String,
    /// The object's track; 0 for `count`.
    pub track: u64,
    /// Best score of the track so far, 0..=1.
    pub score: f64,
    /// `[left, top, right, bottom]`, shares of the picture.
    #[serde(rename = "box")]
    pub bounds: (f64, f64, f64, f64),
    /// Zones that hold it, and for `crossing` the line and direction (`line/in`).
    pub zones: Vec<String>,
    /// How long the object was in view, in milliseconds; 0 at arrival.
    pub dwell_ms: u64,
    /// Objects in view by label after this event.
    pub counts: BTreeMap<String, u32>,
    /// Why: each rule that took part and its value, as text (`gate-area` = `0.12`,
    /// `scores` = `0.41 0.66`, `zone street` = `inside`).
    pub reasons: BTreeMap<String, String>,
}

/// The detector.
#[zbus::proxy(
    interface = "org.vigla.Detector1",
    default_service = "org.vigla.Detector1",
    default_path = "/org/vigla/Detector1"
)]
pub trait Detector {
    /// Opens the detection ring of a camera. `options` as `org.vigla.Camera1.Camera.Open`.
    ///
    /// Errors: `NotFound` when the detector does not know the camera.
    fn open(
        &self,
        camera_id: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<RingHandles>;

    /// Loads another installed model; answers when the new one has answered a probe, and goes on
    /// with the old one otherwise. An empty `version` means the newest.
    ///
    /// Errors: `NotFound`, `InvalidArgument` (digest, contract), `Busy`, `NotReady` (no library).
    fn load_model(&self, name: &str, version: &str) -> zbus::Result<Model>;

    /// The newest events after `after` (an event id; 0 for all), oldest first, at most `limit`
    /// (1..=500). The detector keeps the last 500.
    fn list_events(&self, after: u64, limit: u32) -> zbus::Result<Vec<Event>>;

    /// The picture of an event: a JPEG of at most 320 pixels width, cut from the very frame.
    ///
    /// Errors: `NotFound` when it is no longer kept.
    fn event_picture(&self, id: u64) -> zbus::Result<Vec<u8>>;

    /// Forgets the pictures of these events, and of all when none is named. The events stay.
    fn forget_pictures(&self, ids: &[u64]) -> zbus::Result<()>;

    /// An arrival, departure, crossing or changed count; at most one a second and camera (events
    /// in between are in `ListEvents`).
    #[zbus(signal)]
    fn detection_reported(&self, event: Event) -> zbus::Result<()>;

    /// The model that answers now; all texts empty when there is none. Named `truth`, without a
    /// digest, when all cameras are synthetic and no model is needed.
    #[zbus(property)]
    fn model(&self) -> zbus::Result<Model>;

    /// Labels that are counted, from the configuration.
    #[zbus(property(emits_changed_signal = "const"))]
    fn labels(&self) -> zbus::Result<Vec<String>>;

    /// Zones and lines by camera id: `(kind, name, points)` with kind `zone` or `line`.
    #[zbus(property(emits_changed_signal = "const"))]
    fn shapes(&self) -> zbus::Result<HashMap<String, Vec<Shape>>>;
}

/// A zone or a counting line, for whoever draws it.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Serialize,
    Deserialize,
    Type,
    zbus::Variant,
    zbus::OwnedVariant,
)]
pub struct Shape {
    /// `zone` (a polygon of at least 3 points) or `line` (2 points; `in` is from left to right of
    /// the direction first to second point).
    pub kind: String,
    /// Its name in the configuration.
    pub name: String,
    /// Corner points, shares of the picture.
    pub points: Vec<(f64, f64)>,
}
