use vigla_vision::Bounds;

use super::*;

fn settings(text: &str) -> Settings {
    toml::from_str(text).unwrap()
}

fn detection(label: &str, score: f32, left: f32) -> Detection {
    Detection {
        class: 0,
        label: label.into(),
        score,
        bounds: Bounds::new(left, 0.4, left + 0.2, 0.6).unwrap(),
    }
}

/// The frame number `n` of ten a second.
fn meta(n: u64) -> Meta {
    Meta {
        frame_id: n,
        time_usec: n * 100_000,
        mono_usec: n * 100_000,
        ..Meta::default()
    }
}

const INFERRED: Look = Look {
    basis: "inferred",
    area: 0.1,
    gate: Some(Reason::Motion),
};

/// Shows `scene` one list of detections per frame; gives the kinds of all events.
fn play(scene: &mut Scene, frames: Vec<Vec<Detection>>) -> Vec<Event> {
    (1..)
        .zip(frames)
        .flat_map(|(n, detections)| scene.step(&meta(n), INFERRED, Some(detections)))
        .collect()
}

#[test]
fn a_car_that_drives_through_is_counted_placed_and_lined_up() {
    let settings = settings(
        "[camera.front.zones]\nleft = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]\n\
         [camera.front.lines]\nmiddle = [[0.5, 1.0], [0.5, 0.0]]",
    );
    let mut scene = Scene::new("front", &settings, false);
    let drive = (0_u8..15).map(|n| {
        let left = 0.05 * f32::from(n);
        vec![detection("car", 0.8, left)]
    });
    let events = play(&mut scene, drive.collect());
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["arrival", "crossing"]);
    assert_eq!(events[0].zones, ["left"]);
    assert_eq!(events[0].reasons["gate"], "motion");
    assert_eq!(events[1].reasons["line middle"], "in");

    let record = scene.record(&meta(15), INFERRED, Duration::from_millis(40));
    assert_eq!(record.counts["car"], 1);
    assert_eq!(record.crossings["middle/in"], 1);
    assert_eq!(record.crossings["middle/out"], 0);
    assert!(record.objects[0].zones.is_empty(), "it has left the zone");
    assert!((record.lag_ms - 40.0).abs() < 0.01);
}

#[test]
fn weak_and_uncounted_detections_are_no_objects() {
    let mut scene = Scene::new("front", &settings("labels = ['car']"), false);
    let frame = vec![detection("car", 0.3, 0.1), detection("dog", 0.9, 0.6)];
    assert_eq!(play(&mut scene, vec![frame; 10]), []);
}

#[test]
fn a_car_that_is_called_a_truck_for_a_moment_stays_a_car() {
    let mut scene = Scene::new("front", &settings("labels = ['car']"), false);
    let words = ["car", "car", "car", "car", "truck", "car", "car"];
    let frames = words.map(|word| vec![detection(word, 0.8, 0.3)]);
    let events = play(&mut scene, frames.into());
    assert_eq!(events.len(), 1, "{events:?}");
    let record = scene.record(&meta(7), INFERRED, Duration::ZERO);
    assert_eq!(record.counts.len(), 1, "trucks are not counted");
    assert_eq!(record.counts["car"], 1);
}

#[test]
fn thresholds_of_a_camera_hold_there_only() {
    let settings = settings("[camera.front.thresholds]\ncar = 0.9");
    for (camera, arrivals) in [("front", 0), ("yard", 1)] {
        let mut scene = Scene::new(camera, &settings, false);
        let frames = vec![vec![detection("car", 0.7, 0.3)]; 5];
        assert_eq!(play(&mut scene, frames).len(), arrivals, "{camera}");
    }
}

#[test]
fn a_still_picture_keeps_what_was_in_it() {
    let mut scene = Scene::new("front", &settings(""), false);
    let frames = vec![vec![detection("person", 0.8, 0.3)]; 5];
    play(&mut scene, frames);
    for n in 6..600 {
        assert_eq!(scene.step(&meta(n), Look::ungated("still"), None), []);
    }
    let record = scene.record(&meta(600), Look::ungated("still"), Duration::ZERO);
    assert_eq!(record.counts["person"], 1);
    assert!(record.objects[0].stationary);
    assert!(record.objects[0].dwell_ms > 50_000);
}

#[test]
fn an_object_that_is_bridged_counts_and_says_so() {
    let mut scene = Scene::new("front", &settings(""), false);
    let seen = vec![detection("person", 0.8, 0.3)];
    play(&mut scene, vec![seen; 10]);
    let unseen = |scene: &Scene, n| {
        let record = scene.record(&meta(n), INFERRED, Duration::ZERO);
        assert_eq!(record.counts["person"], 1);
        record.objects[0].unseen_ms
    };
    assert_eq!(unseen(&scene, 10), 0);
    for (frame, millis) in [(11, 100), (12, 200)] {
        scene.step(&meta(frame), INFERRED, Some(Vec::new()));
        assert_eq!(unseen(&scene, frame), millis);
    }
}

#[test]
fn the_truth_is_believed_at_once_and_not_a_frame_longer() {
    let mut scene = Scene::new("front", &settings(""), true);
    let car = detection("car", 1.0, 0.3);
    let events = play(&mut scene, vec![vec![car], vec![]]);
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["arrival", "departure"]);
}

#[test]
fn without_a_model_nothing_is_known_and_totals_stand() {
    let mut scene = Scene::new("front", &settings(""), true);
    play(&mut scene, vec![vec![detection("car", 1.0, 0.3)]]);
    let record = scene.record(&meta(2), Look::ungated("no-model"), Duration::ZERO);
    assert_eq!((record.counts["car"], record.objects.len()), (0, 0));
    assert_eq!(record.arrivals["car"], 1);
}
