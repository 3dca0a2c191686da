//! All services but the gateway, as stand-ins, with one camera `front` that has shown one picture.

use vigla_bus::Problem;
use vigla_frames::Meta;
use vigla_testkit::Rig;
use vigla_testkit::peers::{Camera, Events, Peer, Rings, sample};

/// The bytes of the one picture.
pub(crate) const PICTURE: &[u8] = b"\xff\xd8 a picture \xff\xd9";

/// The services; they leave when dropped.
pub(crate) struct Node {
    _services: [Peer; 3],
    pub(crate) pictures: Rings,
    pub(crate) detections: Rings,
}

impl Node {
    /// Starts them, with three events; the metrics service has `problems`.
    pub(crate) fn start(rig: &Rig, problems: Vec<Problem>) -> Self {
        let pictures = Rings::new("pictures", &["front"], 4096).unwrap();
        let detections = Rings::new("detections", &["front"], 4096).unwrap();
        let meta = Meta {
            frame_id: 42,
            time_usec: 7,
            ..Meta::default()
        };
        pictures.keep("front", meta, PICTURE).unwrap();
        let camera = Camera {
            label: "The \x1b[31mdoor".to_owned(),
            ..Camera::new("front")
        };
        let events = Events::default();
        for id in 1..=3 {
            events.add(sample::event(id, "front"));
        }
        let services = [
            Peer::cameras(rig, &pictures, vec![camera]).unwrap(),
            Peer::detector(rig, &detections, &events).unwrap(),
            Peer::metrics(rig, problems).unwrap(),
        ];
        Self {
            _services: services,
            pictures,
            detections,
        }
    }

    /// Publishes what is seen in a frame.
    pub(crate) fn see(&self, frame_id: u64, cars: u32) {
        let frame = sample::frame("front", frame_id, &[("car", cars), ("person", 0)]);
        let meta = Meta {
            frame_id,
            time_usec: frame.time_usec,
            ..Meta::default()
        };
        // Nobody may be looking.
        let _ = self
            .detections
            .publish("front", meta, &serde_json::to_vec(&frame).unwrap());
    }

    /// How many look at the detections.
    pub(crate) fn watchers(&self) -> usize {
        self.detections.readers("front")
    }
}
