//! Records that stand-ins may show.

use std::collections::BTreeMap;

use vigla_bus::detector::{Event, FrameDetections, Object};

/// When frames were captured, in microseconds since the epoch.
const TIME_USEC: u64 = 1_790_000_000_000_000;

/// A time that no clock of a test has reached.
const LATER_USEC: u64 = 4_000_000_000_000_000;

/// The record of frame `id` of `camera` with these counts, and one car in view if any is not 0.
pub fn frame(camera: &str, id: u64, counts: &[(&str, u32)]) -> FrameDetections {
    let counts: BTreeMap<String, u32> = counts
        .iter()
        .map(|(label, n)| ((*label).to_owned(), *n))
        .collect();
    let car = Object {
        track: 1,
        label: "car".to_owned(),
        score: 0.5,
        bounds: [0.1, 0.2, 0.3, 0.4],
        ..Object::default()
    };
    let seen = counts.values().any(|count| *count > 0).then_some(car);
    FrameDetections {
        camera_id: camera.to_owned(),
        frame_id: id,
        time_usec: TIME_USEC,
        lag_ms: 12.5,
        basis: "inferred".to_owned(),
        counts,
        objects: seen.into_iter().collect(),
        ..FrameDetections::default()
    }
}

/// The arrival of a car at `camera`, with its reasons; later than the start of any daemon, as what
/// happened before its start is no news to the metrics service.
pub fn event(id: u64, camera: &str) -> Event {
    Event {
        id,
        camera_id: camera.to_owned(),
        frame_id: 10 * id,
        time_usec: LATER_USEC + id,
        time_quality: "synced".to_owned(),
        kind: "arrival".to_owned(),
        label: "car".to_owned(),
        track: id,
        score: 0.5,
        bounds: (0.1, 0.2, 0.3, 0.4),
        counts: BTreeMap::from([("car".to_owned(), 1)]),
        reasons: BTreeMap::from([
            ("gate-area".to_owned(), "0.12".to_owned()),
            ("scores".to_owned(), "0.5".to_owned()),
        ]),
        ..Event::default()
    }
}
