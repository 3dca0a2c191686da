//! A camera service and a detector for the daemon to count: stand-ins, with one ring per camera.

use vigla_bus::detector::{Event, FrameDetections};
use vigla_frames::{Meta, Outcome};
use vigla_testkit::Rig;
use vigla_testkit::peers::{Camera, Events, Peer, Rings};

/// Both services; they leave when dropped.
pub(crate) struct Node {
    _cameras: Peer,
    detector: Peer,
    rings: Rings,
    events: Events,
}

impl Node {
    /// Serves `cameras` on the bus of `rig`.
    pub(crate) fn start(rig: &Rig, cameras: &[&str]) -> Self {
        let (rings, events) = (
            Rings::new("detections", cameras, 64 << 10).unwrap(),
            Events::default(),
        );
        let objects = cameras.iter().map(|id| Camera::new(id)).collect();
        Self {
            _cameras: Peer::cameras(rig, &rings, objects).unwrap(),
            detector: Peer::detector(rig, &rings, &events).unwrap(),
            rings,
            events,
        }
    }

    /// Publishes the record of one frame.
    pub(crate) fn see(&self, frame: &FrameDetections) {
        let meta = Meta {
            frame_id: frame.frame_id,
            time_usec: frame.time_usec,
            ..Meta::default()
        };
        let bytes = serde_json::to_vec(frame).unwrap();
        let outcome = self.rings.publish(&frame.camera_id, meta, &bytes);
        assert!(
            matches!(outcome, Outcome::Published | Outcome::NobodyLooks),
            "{outcome:?}"
        );
    }

    /// Publishes anything at all as a record.
    pub(crate) fn say(&self, camera: &str, bytes: &[u8]) {
        let outcome = self.rings.publish(camera, Meta::default(), bytes);
        assert_eq!(outcome, Outcome::Published);
    }

    /// How many read the ring of `camera`. They must not have asked for wake-ups: once a second
    /// is enough for counts.
    pub(crate) fn readers(&self, camera: &str) -> usize {
        assert_ne!(self.rings.wakeups(camera), Some(true));
        self.rings.readers(camera)
    }

    /// Adds an event to the list, without a signal.
    pub(crate) fn list(&self, event: Event) {
        self.events.add(event);
    }

    /// Adds an event and signals it.
    pub(crate) fn report(&self, event: Event) {
        self.list(event.clone());
        self.detector.report(event).unwrap();
    }
}
