//! The messages below `vigla/v1/<node>/...`: what stands in them, by `schemas/*.json`.
//!
//! Every message carries the same head, so that a record is complete wherever it ends up: which
//! node, which boot, which place in the sequence, when, and how far that clock can be trusted. The
//! same frame id stands on the page, in the stored event and here.

use std::collections::BTreeMap;

use serde::Serialize;
use vigla_bus::detector::{Event, FrameDetections, Model, Object};

/// The schema names, which are also `$id`s of the files in `schemas/`.
pub mod schema {
    /// Counts of one camera, once a second.
    pub const COUNTS: &str = "vigla/v1/counts";
    /// Everything in view of one camera, when something happened.
    pub const DETECTIONS: &str = "vigla/v1/detections";
    /// One arrival, departure, crossing or changed count.
    pub const EVENT: &str = "vigla/v1/event";
    /// Something that happened to the slots, with the dossier of a start that failed.
    pub const UPDATE: &str = "vigla/v1/update";
}

/// What every message starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// One of [`schema`].
    pub schema: &'static str,
    /// This node.
    pub node_id: String,
    /// This boot of the node, 32 hex digits.
    pub boot_id: String,
    /// Rises by one with each message while the daemon runs, and jumps forward when it restarts.
    pub seq: u64,
    /// When the frame was captured, RFC 3339 in UTC.
    pub ts: String,
    /// `floor`, `agreed` or `synced`.
    pub time_quality: &'static str,
    /// The camera.
    pub camera_id: String,
    /// The frame, the same id everywhere.
    pub frame_id: u64,
    /// The model that looked; texts are empty when there is none.
    pub model: Model,
    /// Objects in view by label; every counted label is present.
    pub counts: BTreeMap<String, u32>,
}

/// `vigla/v1/<node>/<camera>/counts`.
#[derive(Debug, Serialize)]
pub struct Counts {
    /// See [`Head`].
    #[serde(flatten)]
    pub head: Head,
    /// Arrivals by label since the detector started.
    pub arrivals: BTreeMap<String, u64>,
    /// Crossings by `line/in` and `line/out` since the detector started.
    pub crossings: BTreeMap<String, u64>,
    /// `inferred`, `still`, `truth` or `no-model`.
    pub basis: String,
    /// From capture to the detector's record, in milliseconds.
    pub lag_ms: f32,
}

/// `vigla/v1/<node>/<camera>/detections`.
#[derive(Debug, Serialize)]
pub struct Detections {
    /// See [`Head`].
    #[serde(flatten)]
    pub head: Head,
    /// Everything in view.
    pub objects: Vec<Object>,
    /// See [`Counts::basis`].
    pub basis: String,
    /// See [`Counts::lag_ms`].
    pub lag_ms: f32,
}

/// `vigla/v1/<node>/events`.
#[derive(Debug, Serialize)]
pub struct Happened {
    /// See [`Head`].
    #[serde(flatten)]
    pub head: Head,
    /// What happened.
    pub event: What,
    /// The object it happened to; empty for `count`.
    pub objects: Vec<Seen>,
}

/// What happened, and why it counts.
#[derive(Debug, Serialize)]
pub struct What {
    /// Unique within a boot of the detector, rising.
    pub id: u64,
    /// `arrival`, `departure`, `crossing` or `count`.
    pub kind: String,
    /// The label it is about.
    pub label: String,
    /// Each rule that took part, and its value.
    pub reasons: BTreeMap<String, String>,
}

/// The object of an event.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// Track id, from 1.
    pub track: u64,
    /// Label from the model's label file.
    pub label: String,
    /// Best score so far, 0..=1.
    pub score: f64,
    /// `[left, top, right, bottom]`, shares of the picture.
    #[serde(rename = "box")]
    pub bounds: (f64, f64, f64, f64),
    /// Zones that hold it; for `crossing` the line and direction.
    pub zones: Vec<String>,
    /// How long it was in view, in milliseconds.
    pub dwell_ms: u64,
}

impl Counts {
    /// The counts of `frame` under `head`.
    #[must_use]
    pub fn new(head: Head, frame: &FrameDetections) -> Self {
        Self {
            head,
            arrivals: frame.arrivals.clone(),
            crossings: frame.crossings.clone(),
            basis: frame.basis.clone(),
            lag_ms: frame.lag_ms,
        }
    }
}

impl Detections {
    /// Everything in `frame` under `head`.
    #[must_use]
    pub fn new(head: Head, frame: &FrameDetections) -> Self {
        let FrameDetections {
            objects,
            basis,
            lag_ms,
            ..
        } = frame.clone();
        Self {
            head,
            objects,
            basis,
            lag_ms,
        }
    }
}

impl Happened {
    /// `event` under `head`.
    #[must_use]
    pub fn new(head: Head, event: Event) -> Self {
        let Event {
            id,
            kind,
            label,
            reasons,
            track,
            score,
            bounds,
            zones,
            dwell_ms,
            ..
        } = event;
        let seen = Seen {
            track,
            label: label.clone(),
            score,
            bounds,
            zones,
            dwell_ms,
        };
        let objects = if track == 0 { Vec::new() } else { vec![seen] };
        Self {
            head,
            event: What {
                id,
                kind,
                label,
                reasons,
            },
            objects,
        }
    }
}
