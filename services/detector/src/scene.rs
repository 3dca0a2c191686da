//! What detections mean at one camera: tracks, zones, lines, and the record of each frame.
//!
//! Labels that are not counted are dropped, but not before the tracker has seen them where a model
//! mixes them up with counted ones: a car that is called a truck for a moment stays a car.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vigla_bus::detector::{Event, FrameDetections, Object};
use vigla_frames::Meta;
use vigla_vision::Detection;
use vigla_vision::gate::{Reason, Verdict};
use vigla_vision::track::{self, Track, Tracker};

use crate::config::Settings;
use crate::policy::{Frame, Policy, Seen};
use crate::shapes::Shapes;

/// The scene before one camera.
#[derive(Debug)]
pub(crate) struct Scene {
    camera_id: String,
    labels: Vec<String>,
    /// Labels that the tracker is shown.
    tracked: Vec<Arc<str>>,
    tracker: Tracker,
    shapes: Shapes,
    policy: Policy,
    in_view: Vec<Seen>,
}

/// How a frame was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// `inferred`, `still`, `truth` or `no-model`.
    pub(crate) basis: &'static str,
    /// Share of the picture that moved, 0..=1.
    pub(crate) area: f32,
    /// Why the gate was open or closed; nothing where there is none.
    pub(crate) gate: Option<Reason>,
}

impl Look {
    /// A look that no gate has part in.
    pub(crate) fn ungated(basis: &'static str) -> Self {
        let (area, gate) = (0.0, None);
        Self { basis, area, gate }
    }

    /// A look after the gate's `verdict`.
    pub(crate) fn gated(basis: &'static str, verdict: Verdict) -> Self {
        Self {
            basis,
            area: verdict.area,
            gate: Some(verdict.reason),
        }
    }
}

impl Scene {
    /// An empty scene. A `truth` does not flicker: nothing is bridged, so that counts are exact.
    pub(crate) fn new(camera_id: &str, settings: &Settings, truth: bool) -> Self {
        let camera = settings.camera(camera_id);
        let tracking = if truth {
            exact()
        } else {
            settings.tracking(&camera)
        };
        let zones: Vec<String> = camera.zones.keys().cloned().collect();
        let lines: Vec<String> = camera.lines.keys().cloned().collect();
        Self {
            camera_id: camera_id.to_owned(),
            labels: settings.labels.clone(),
            tracked: tracked(&settings.labels, &tracking.families),
            tracker: Tracker::new(tracking),
            shapes: Shapes::new(&camera),
            policy: Policy::new(camera_id, &settings.labels, zones, &lines),
            in_view: Vec::new(),
        }
    }

    /// Takes the next frame: what was detected on it, or nothing when it was not asked because
    /// nothing moved. Says what happened.
    pub(crate) fn step(
        &mut self,
        meta: &Meta,
        look: Look,
        detections: Option<Vec<Detection>>,
    ) -> Vec<Event> {
        let now = Duration::from_micros(meta.mono_usec);
        if look.gate == Some(Reason::Cut) {
            self.tracker.cut();
        }
        let changes = match detections {
            Some(mut detections) => {
                detections.retain(|d| self.tracked.contains(&d.label));
                self.tracker.step(now, &detections)
            }
            None => self.tracker.hold(now),
        };
        let gone: Vec<_> = changes
            .departures
            .iter()
            .map(|t| self.seen(t, now))
            .collect();
        let tracks: Vec<_> = self.tracker.in_view().filter(|t| self.counts(t)).collect();
        self.in_view = tracks.iter().map(|track| self.seen(track, now)).collect();
        let crossings = self.shapes.step(&tracks);
        self.shapes.forget(&changes.departures);
        self.policy.step(Frame {
            id: meta.frame_id,
            time_usec: meta.time_usec,
            basis: look.basis,
            gate_area: look.area,
            gate: look.gate.map(Reason::name),
            in_view: &self.in_view,
            gone: &gone,
            crossings: &crossings,
        })
    }

    /// Whether another look at a still picture would help: something is not settled yet.
    pub(crate) fn is_unsure(&self) -> bool {
        self.tracker.unsure()
    }

    /// The record of a frame: what is in view since the last step, or nothing for `no-model`.
    pub(crate) fn record(&self, meta: &Meta, look: Look, lag: Duration) -> FrameDetections {
        let known = look.basis != "no-model";
        let none = || -> BTreeMap<String, u32> {
            let labels = self.policy.counts().keys();
            labels.map(|label| (label.clone(), 0)).collect()
        };
        let objects = self.in_view.iter().filter(|_| known);
        FrameDetections {
            camera_id: self.camera_id.clone(),
            frame_id: meta.frame_id,
            time_usec: meta.time_usec,
            lag_ms: lag.as_secs_f32() * 1000.0,
            basis: look.basis.to_owned(),
            gate_area: look.area,
            counts: if known {
                self.policy.counts().clone()
            } else {
                none()
            },
            arrivals: self.policy.arrivals().clone(),
            crossings: self.policy.crossings().clone(),
            objects: objects.map(|seen| seen.object.clone()).collect(),
        }
    }

    fn counts(&self, track: &Track) -> bool {
        self.labels.iter().any(|label| **label == *track.label)
    }

    fn seen(&self, track: &Track, now: Duration) -> Seen {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Seen {
            object: Object {
                track: track.id,
                label: track.label.to_string(),
                score: track.score,
                bounds: track.bounds.to_array(),
                zones: self.shapes.zones(track.bounds.foot()),
                stationary: track.stationary,
                dwell_ms: millis(track.dwell()),
                unseen_ms: millis(track.unseen(now)),
            },
            best: track.best,
            scores: track.scores.clone(),
        }
    }
}

/// How a truth is tracked: at once, and not a frame longer than it lasts.
fn exact() -> track::Settings {
    track::Settings {
        confirm: 1,
        bridge: (Duration::ZERO, Duration::ZERO),
        keep: Duration::ZERO,
        families: Vec::new(),
        ..track::Settings::default()
    }
}

/// The counted labels, and those that a model mixes up with one of them.
fn tracked(labels: &[String], families: &[Vec<Arc<str>>]) -> Vec<Arc<str>> {
    let counted = |label: &Arc<str>| labels.iter().any(|counted| **counted == **label);
    let relatives = families.iter().filter(|family| family.iter().any(counted));
    let mut all: Vec<Arc<str>> = labels.iter().map(|label| label.as_str().into()).collect();
    all.extend(relatives.flatten().cloned());
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
#[path = "scene_tests.rs"]
mod tests;
