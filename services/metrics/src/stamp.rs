//! The head of each message: identity, sequence and time.
//!
//! The sequence starts at the microseconds since boot, so that after a restart of the daemon it
//! goes on above every number used before in this boot, with nothing to store: a number is used up
//! per message, and no node sends a million messages a second.

use std::collections::BTreeMap;

use serde_json::Value;
use vigla_bus::detector::{Event, FrameDetections, Model};
use vigla_bus::updater::HistoryEntry;
use vigla_kit::Clock;
use vigla_kit::clock::{Quality, rfc3339};

use crate::message::{Head, schema};
use crate::updates::Updated;

/// Gives each message its head.
#[derive(Debug)]
pub struct Stamp {
    node_id: String,
    boot_id: String,
    clock: Clock,
    seq: u64,
}

/// The frame that a message is about.
struct About<'a> {
    camera_id: &'a str,
    frame_id: u64,
    time_usec: u64,
    quality: Quality,
    counts: &'a BTreeMap<String, u32>,
}

impl Stamp {
    /// Stamps for this node and boot; the sequence goes on from `clock`.
    #[must_use]
    pub fn new(node_id: String, boot_id: String, clock: Clock) -> Self {
        let seq = clock.mono_usec();
        Self {
            node_id,
            boot_id,
            clock,
            seq,
        }
    }

    /// The node's id.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// A head of `schema` ([`schema::COUNTS`], [`schema::DETECTIONS`]) about `frame`.
    pub fn frame(&mut self, schema: &'static str, frame: &FrameDetections, model: &Model) -> Head {
        let FrameDetections {
            camera_id,
            frame_id,
            time_usec,
            counts,
            ..
        } = frame;
        let about = About {
            camera_id,
            frame_id: *frame_id,
            time_usec: *time_usec,
            quality: self.clock.quality(),
            counts,
        };
        self.head(schema, &about, model)
    }

    /// A head of [`schema::EVENT`] about `event`, which says itself how far its time can be trusted.
    pub fn event(&mut self, event: &Event, model: &Model) -> Head {
        let Event {
            camera_id,
            frame_id,
            time_usec,
            time_quality,
            counts,
            ..
        } = event;
        let about = About {
            camera_id,
            frame_id: *frame_id,
            time_usec: *time_usec,
            quality: Quality::of(time_quality),
            counts,
        };
        self.head(schema::EVENT, &about, model)
    }

    /// What happened to the slots, under a number of its own.
    pub fn update(&mut self, entry: &HistoryEntry) -> Updated {
        self.seq += 1;
        Updated {
            schema: schema::UPDATE,
            node_id: self.node_id.clone(),
            boot_id: self.boot_id.clone(),
            seq: self.seq,
            ts: rfc3339(entry.time_usec),
            time_quality: Quality::Floor.word(),
            update: entry.into(),
            dossier: serde_json::from_str(&entry.dossier).unwrap_or(Value::Null),
        }
    }

    fn head(&mut self, schema: &'static str, about: &About<'_>, model: &Model) -> Head {
        self.seq += 1;
        Head {
            schema,
            node_id: self.node_id.clone(),
            boot_id: self.boot_id.clone(),
            seq: self.seq,
            ts: rfc3339(about.time_usec),
            time_quality: about.quality.word(),
            camera_id: about.camera_id.to_owned(),
            frame_id: about.frame_id,
            model: model.clone(),
            counts: about.counts.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_event_keeps_the_quality_that_its_time_had() {
        let mut stamp = Stamp::new(String::new(), String::new(), Clock::manual(1));
        let event = Event {
            time_quality: String::from("synced"),
            ..Event::default()
        };
        let head = stamp.event(&event, &Model::default());
        assert_eq!(head.time_quality, "synced");
        let frame = FrameDetections::default();
        let head = stamp.frame(schema::COUNTS, &frame, &Model::default());
        assert_eq!(head.time_quality, "floor");
    }

    #[test]
    fn the_sequence_rises_also_over_a_restart() {
        let clock = Clock::manual(1_790_000_000_000_000);
        let frame = FrameDetections::default();
        let start = || Stamp::new(String::from("vigla-1"), String::from("b"), clock.clone());
        let mut first = start();
        let one = first.frame(schema::COUNTS, &frame, &Model::default()).seq;
        let two = first.frame(schema::COUNTS, &frame, &Model::default()).seq;
        assert_eq!(two, one + 1);
        clock.advance(Duration::from_secs(1));
        assert!(start().frame(schema::COUNTS, &frame, &Model::default()).seq > two);
    }
}
