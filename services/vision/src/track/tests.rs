use super::*;

fn seen(label: &str, score: f32, x: f32, width: f32) -> Detection {
    Detection {
        class: 0,
        label: label.into(),
        score,
        bounds: Bounds::new(x, 0.4, x + width, 0.4 + width).unwrap(),
    }
}

fn at(tenths: u32) -> Duration {
    Duration::from_millis(100) * tenths
}

fn ids(tracker: &Tracker) -> Vec<u64> {
    tracker.in_view().map(|track| track.id).collect()
}

#[test]
fn a_track_arrives_after_some_hits_and_departs_once() {
    let mut tracker = Tracker::new(Settings::default());
    let mut arrivals = Vec::new();
    for step in 0..20 {
        let changes = tracker.step(at(step), &[seen("car", 0.8, 0.2, 0.2)]);
        arrivals.extend(changes.arrivals.iter().map(|track| (step, track.id)));
        assert!(changes.departures.is_empty());
    }
    assert_eq!(arrivals, [(2, 1)]);
    let mut departures = Vec::new();
    for step in 20..100 {
        departures.extend(tracker.step(at(step), &[]).departures);
    }
    assert_eq!(departures.len(), 1);
    assert_eq!(departures[0].dwell(), at(19));
    assert!(ids(&tracker).is_empty());
}

#[test]
fn flicker_is_bridged_and_weak_scores_continue_but_do_not_begin() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..10 {
        tracker.step(at(step), &[seen("person", 0.3, 0.7, 0.1)]);
    }
    assert!(ids(&tracker).is_empty());
    for step in 10..100 {
        let score = if step % 2 == 0 { 0.6 } else { 0.25 };
        let found = [seen("person", score, 0.2, 0.1)];
        let found: &[Detection] = if step % 5 < 3 { &found } else { &[] };
        tracker.step(at(step), found);
        if step > 20 {
            assert_eq!(ids(&tracker), [1], "{step}");
        }
    }
}

#[test]
fn identity_survives_a_crossing_and_a_change_of_name() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..30_u16 {
        let way = 0.02 * f32::from(step);
        let name = if step % 3 == 2 { "truck" } else { "car" };
        let found = [
            seen(name, 0.8, 0.1 + way, 0.15),
            seen("person", 0.7, 0.75 - way, 0.1),
        ];
        tracker.step(at(step.into()), &found);
    }
    let mut tracks: Vec<_> = tracker.in_view().collect();
    tracks.sort_by_key(|track| track.id);
    assert_eq!(tracks.len(), 2);
    assert_eq!((&*tracks[0].label, &*tracks[1].label), ("car", "person"));
    assert!(tracks[0].bounds.left > 0.6 && tracks[1].bounds.left < 0.25);
}

#[test]
fn a_fast_car_on_a_slow_camera_stays_one_track() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..8_u16 {
        let x = 0.1 * f32::from(step);
        tracker.step(at(u32::from(step) * 2), &[seen("car", 0.8, x, 0.12)]);
    }
    assert_eq!(ids(&tracker), [1]);
}

#[test]
fn a_cut_ends_what_is_in_view_at_once_but_a_flash_does_not_change_identity() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..5 {
        tracker.step(at(step), &[seen("car", 0.8, 0.2, 0.2)]);
    }
    tracker.cut();
    assert!(ids(&tracker).is_empty());
    tracker.step(at(5), &[seen("car", 0.8, 0.2, 0.2)]);
    assert_eq!(ids(&tracker), [1]);
}

#[test]
fn a_still_scene_holds_its_objects_and_they_become_stationary() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..5 {
        tracker.step(at(step), &[seen("car", 0.8, 0.2, 0.2)]);
    }
    for step in 5..200 {
        tracker.hold(at(step));
        assert_eq!(ids(&tracker), [1]);
        let stationary = tracker.in_view().next().unwrap().stationary;
        assert_eq!(stationary, step >= 100, "{step}");
    }
    assert!(!tracker.unsure());
    tracker.step(at(200), &[]);
    assert!(tracker.unsure());
}

#[test]
fn two_names_for_one_box_are_one_object() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..5 {
        let found = [seen("car", 0.7, 0.2, 0.2), seen("truck", 0.6, 0.21, 0.2)];
        tracker.step(at(step), &found);
    }
    assert_eq!(ids(&tracker), [1]);
}
