//! The newest record of each camera, and which of them still count.
//!
//! A camera counts while its records move on. One that has said nothing new for a while is left out
//! of every message: a count that nobody made is no zero.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vigla_bus::detector::FrameDetections;

/// A camera whose record did not change for so long does not count.
const FRESH: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Latest {
    frame: FrameDetections,
    changed_usec: u64,
}

/// What all cameras say.
#[derive(Debug, Default)]
pub struct Tally {
    cameras: BTreeMap<String, Latest>,
    /// Cameras of which an event was reported since they were last asked for.
    happened: BTreeSet<String>,
}

impl Tally {
    /// Takes the newest record of a camera; `now_usec` is monotonic.
    pub fn observe(&mut self, frame: FrameDetections, now_usec: u64) {
        match self.cameras.get_mut(&frame.camera_id) {
            Some(latest) if latest.frame.frame_id == frame.frame_id => latest.frame = frame,
            _ => {
                let camera = frame.camera_id.clone();
                self.cameras.insert(
                    camera,
                    Latest {
                        frame,
                        changed_usec: now_usec,
                    },
                );
            }
        }
    }

    /// Notes that something happened at `camera`.
    pub fn happened(&mut self, camera: &str) {
        self.happened.insert(camera.to_owned());
    }

    /// Cameras at which something happened since the last call.
    pub fn take_happened(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.happened)
    }

    /// Forgets every camera but `these`.
    pub fn keep<'a>(&mut self, these: impl IntoIterator<Item = &'a String>) {
        let these: BTreeSet<&String> = these.into_iter().collect();
        self.cameras.retain(|camera, _| these.contains(camera));
    }

    /// The records that count at `now_usec`, by camera id.
    pub fn live(&self, now_usec: u64) -> impl Iterator<Item = &FrameDetections> {
        let fresh = u64::try_from(FRESH.as_micros()).unwrap_or(u64::MAX);
        let counts = move |latest: &&Latest| now_usec.saturating_sub(latest.changed_usec) <= fresh;
        self.cameras
            .values()
            .filter(counts)
            .map(|latest| &latest.frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(camera: &str, id: u64) -> FrameDetections {
        FrameDetections {
            camera_id: camera.to_owned(),
            frame_id: id,
            ..Default::default()
        }
    }

    fn live(tally: &Tally, now: u64) -> Vec<&str> {
        tally
            .live(now)
            .map(|frame| frame.camera_id.as_str())
            .collect()
    }

    #[test]
    fn a_camera_counts_while_its_records_move_on() {
        let mut tally = Tally::default();
        let second = 1_000_000;
        tally.observe(frame("a", 1), 0);
        tally.observe(frame("b", 1), 0);
        for now in 1..=10 {
            tally.observe(frame("a", 1), now * second);
            tally.observe(frame("b", 1 + now), now * second);
        }
        assert_eq!(live(&tally, 10 * second), ["a", "b"]);
        assert_eq!(live(&tally, 11 * second), ["b"]);
        tally.observe(frame("a", 2), 12 * second);
        assert_eq!(live(&tally, 12 * second), ["a", "b"]);
    }

    #[test]
    fn forgets_cameras_that_are_gone() {
        let mut tally = Tally::default();
        tally.observe(frame("a", 1), 0);
        tally.observe(frame("b", 1), 0);
        tally.keep(&[String::from("b")]);
        assert_eq!(live(&tally, 0), ["b"]);
    }
}
