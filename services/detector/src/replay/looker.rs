//! The eye of a replay: the daemon's sight and scene, on frames that are handed to it.

use std::io::Write;

use vigla_bus::detector::Event;
use vigla_frames::Meta;

use super::wire::{Frame, Line};
use crate::config::Settings;
use crate::engine::Door;
use crate::scene::{Look, Scene};
use crate::sight::{Glance, Sight};

/// Whether a frame was of any use, for the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It could be looked at, whatever the model said.
    Some,
    /// It is damaged, or says nothing.
    None,
}

/// Why there is nothing to count.
enum Miss {
    Frame,
    Answer,
}

/// Looks at frames, and counts.
#[derive(Debug)]
pub(super) struct Looker {
    sight: Sight,
    scene: Scene,
    looks: u64,
    inferred: u64,
    unusable: u64,
    events: u64,
}

impl Looker {
    /// As the eye of `camera` would be made.
    pub(super) fn new(settings: &Settings, camera: &str, door: Door) -> anyhow::Result<Self> {
        let truth = settings.engine_model().is_none();
        let sight = if truth {
            Sight::truth(settings)?
        } else {
            Sight::model(settings, door)?
        };
        Ok(Self {
            sight,
            scene: Scene::new(camera, settings, truth),
            looks: 0,
            inferred: 0,
            unusable: 0,
            events: 0,
        })
    }

    /// Looks at a frame and writes what happened.
    pub(super) fn look(&mut self, frame: &Frame, output: &mut impl Write) -> anyhow::Result<Use> {
        self.looks += 1;
        let events = match self.step(frame) {
            Ok(events) => events,
            // As in the daemon: it does not count, and the next one is tried.
            Err(miss) => {
                self.unusable += 1;
                return Ok(match miss {
                    Miss::Frame => Use::None,
                    Miss::Answer => Use::Some,
                });
            }
        };
        for mut event in events {
            self.events += 1;
            event.id = self.events;
            Line::Event(Box::new(event)).write(output)?;
        }
        Ok(Use::Some)
    }

    fn step(&mut self, frame: &Frame) -> Result<Vec<Event>, Miss> {
        let meta = self.meta(frame);
        let unsure = self.scene.is_unsure();
        let glance = self.sight.glance(&meta, &frame.bytes, unsure);
        let (look, detections) = match glance.map_err(|_| Miss::Frame)? {
            Glance::Truth(detections) => (Look::ungated("truth"), Some(detections)),
            Glance::Still(verdict) => (Look::gated("still", verdict), None),
            Glance::Moving(verdict) => {
                let (detections, _) = self.sight.ask().map_err(|_| Miss::Answer)?;
                self.inferred += 1;
                (Look::gated("inferred", verdict), Some(detections))
            }
            Glance::Blind => return Err(Miss::Answer),
        };
        Ok(self.scene.step(&meta, look, detections))
    }

    /// The clip's time is both clocks.
    fn meta(&self, frame: &Frame) -> Meta {
        let usec = u64::try_from(frame.time.as_micros()).unwrap_or(u64::MAX);
        Meta {
            frame_id: self.looks,
            time_usec: usec,
            mono_usec: usec,
            width: 0,
            height: 0,
            fourcc: *b"MJPG",
            mask_digest: 0,
        }
    }

    /// The account at the end.
    pub(super) fn done(&self, frames: u64) -> Line {
        Line::Done {
            frames,
            looks: self.looks,
            inferred: self.inferred,
            unusable: self.unusable,
        }
    }
}
