//! From records and events to messages: which topics, in which order. No I/O.

use serde::Serialize;
use vigla_bus::detector::{Event, FrameDetections, Model};
use vigla_bus::updater::HistoryEntry;

use crate::config::{Legacy, OwnTopics, Settings};
use crate::legacy;
use crate::message::{Counts, Detections, Happened, schema};
use crate::outbox::{Message, Worth};
use crate::stamp::Stamp;
use crate::tally::Tally;
use crate::topics::Topics;

/// The moment of a sample, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Wall time, microseconds since the epoch.
    pub wall_usec: u64,
    /// Monotonic time in microseconds.
    pub mono_usec: u64,
}

/// Makes messages for this node.
#[derive(Debug)]
pub struct Composer {
    topics: Topics,
    own: OwnTopics,
    legacy: Legacy,
    stamp: Stamp,
}

impl Composer {
    /// Messages as `settings` want them.
    #[must_use]
    pub fn new(settings: &Settings, topics: Topics, stamp: Stamp) -> Self {
        Self {
            topics,
            own: settings.topics.clone(),
            legacy: settings.legacy.clone(),
            stamp,
        }
    }

    /// The messages of one second.
    pub fn sample(&mut self, tally: &mut Tally, now: Moment, model: &Model) -> Vec<Message> {
        let happened = tally.take_happened();
        let live: Vec<&FrameDetections> = tally.live(now.mono_usec).collect();
        let mut messages = Vec::new();
        for frame in &live {
            let camera = &frame.camera_id;
            if self.own.counts {
                let counts = Counts::new(self.stamp.frame(schema::COUNTS, frame, model), frame);
                messages.extend(message(self.topics.counts(camera), &counts, Worth::Sample));
            }
            if self.own.detections && happened.contains(camera) {
                let head = self.stamp.frame(schema::DETECTIONS, frame, model);
                let all = Detections::new(head, frame);
                messages.extend(message(self.topics.detections(camera), &all, Worth::Event));
            }
        }
        if self.legacy.enabled {
            messages.extend(self.legacy(&live, now));
        }
        messages
    }

    /// The message of one event.
    pub fn event(&mut self, event: Event, model: &Model) -> Option<Message> {
        if !self.own.events {
            return None;
        }
        let head = self.stamp.event(&event, model);
        message(
            self.topics.events(),
            &Happened::new(head, event),
            Worth::Event,
        )
    }

    /// The message of something that happened to the slots.
    pub fn update(&mut self, entry: &HistoryEntry) -> Option<Message> {
        if !self.own.updates {
            return None;
        }
        let body = self.stamp.update(entry);
        message(self.topics.updates(), &body, Worth::Event)
    }

    fn legacy(&self, live: &[&FrameDetections], now: Moment) -> Vec<Message> {
        let one = |label: &String| {
            let count = legacy::sum(live.iter().map(|frame| &frame.counts), label)?;
            Some(Message {
                topic: self.topics.legacy(label),
                payload: legacy::payload(now.wall_usec, self.stamp.node_id(), label, count),
                worth: Worth::Sample,
            })
        };
        self.legacy.labels.iter().filter_map(one).collect()
    }
}

/// Our own types always serialise; should one not, the message is left out and said so.
fn message(topic: String, body: &impl Serialize, worth: Worth) -> Option<Message> {
    match serde_json::to_vec(body) {
        Ok(payload) => Some(Message {
            topic,
            payload,
            worth,
        }),
        Err(error) => {
            tracing::error!(topic, %error, "cannot write a message, leaving it out");
            None
        }
    }
}
