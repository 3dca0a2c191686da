use proptest::prelude::*;

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
fn after_a_cut_only_what_is_still_there_stays() {
    let mut tracker = Tracker::new(Settings::default());
    let both = [seen("car", 0.8, 0.2, 0.2), seen("person", 0.8, 0.7, 0.1)];
    for step in 0..5 {
        tracker.step(at(step), &both);
    }
    tracker.cut();
    let changes = tracker.step(at(5), &both[..1]);
    assert_eq!(ids(&tracker), [1]);
    assert_eq!(changes.departures.len(), 1);
    assert_eq!(&*changes.departures[0].label, "person");
}

#[test]
fn what_was_lost_is_not_resurrected_by_one_false_alarm() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..10 {
        tracker.step(at(step), &[seen("car", 0.8, 0.2, 0.2)]);
    }
    for step in 10..25 {
        tracker.step(at(step), &[]);
    }
    assert!(ids(&tracker).is_empty());
    tracker.step(at(25), &[seen("car", 0.8, 0.2, 0.2)]);
    assert!(ids(&tracker).is_empty());
    tracker.step(at(26), &[seen("car", 0.8, 0.2, 0.2)]);
    assert_eq!(ids(&tracker), [1]);
}

#[test]
fn what_walks_out_of_the_picture_is_not_kept_in_view_and_what_is_parked_there_is() {
    // Clipped at the edge, as a model sees it.
    let clipped = |left: f32| Detection {
        bounds: Bounds::new(left, 0.4, (left + 0.2).min(1.0), 0.8).unwrap(),
        ..seen("person", 0.8, 0.1, 0.1)
    };
    let unseen_after = |places: &[f32], looks: u32| {
        let mut tracker = Tracker::new(Settings::default());
        let mut step = 0;
        for left in places {
            tracker.step(at(step), &[clipped(*left)]);
            step += 1;
        }
        assert_eq!(ids(&tracker), [1]);
        for _ in 0..looks {
            tracker.step(at(step), &[]);
            step += 1;
        }
        ids(&tracker).is_empty()
    };
    let walks: Vec<f32> = (0..11_u8).map(|n| 0.4 + 0.05 * f32::from(n)).collect();
    assert!(unseen_after(&walks, 3));
    assert!(!unseen_after(&walks[..6], 3), "in the middle it is bridged");
    assert!(!unseen_after(&[0.85; 11], 3), "it stands");
}

#[test]
fn what_was_seen_well_is_not_continued_by_something_far_weaker() {
    let lasts = |before: f32, then: f32| {
        let mut tracker = Tracker::new(Settings::default());
        for step in 0..10 {
            tracker.step(at(step), &[seen("person", before, 0.4, 0.2)]);
        }
        for step in 10..40 {
            tracker.step(at(step), &[seen("person", then, 0.4, 0.2)]);
        }
        !ids(&tracker).is_empty()
    };
    assert!(!lasts(0.95, 0.25), "a ghost in its place");
    assert!(lasts(0.5, 0.25), "small, far away, and the same");
}

/// A number of 0..1 from two others: the same each time, like noise.
fn noise(a: u32, b: u32) -> f32 {
    let mut x = a.wrapping_mul(0x9E37_79B9) ^ b.wrapping_mul(0x85EB_CA6B) ^ 0x27D4_EB2F;
    for _ in 0..3 {
        x ^= x >> 15;
        x = x.wrapping_mul(0x2C1B_3C6D);
    }
    f32::from(u16::try_from(x >> 16).unwrap()) / 65536.0
}

/// Six people and cars that walk, drive and stand, seen like an 8-bit model sees them: scores in
/// steps around the threshold, one detection in five missing, boxes that tremble, false alarms.
#[test]
fn counts_are_true_although_every_frame_is_not() {
    let mut tracker = Tracker::new(Settings::default());
    let (mut single, mut tracked, mut frames) = (0, 0, 0);
    let mut all_ids = std::collections::BTreeSet::new();
    for step in 0..300_u32 {
        #[allow(clippy::cast_precision_loss, reason = "small")]
        let time = step as f32 / 300.0;
        let places = [
            ("person", 0.05 + 0.8 * time, 0.06),
            ("person", 0.9 - 0.8 * time, 0.05),
            ("car", 0.1, 0.14),
            ("car", 0.3 + 0.1 * time, 0.15),
            ("person", 0.6, 0.05),
            ("truck", 0.75, 0.2),
        ];
        let mut found = Vec::new();
        for (index, (label, x, width)) in (0_u32..).zip(places) {
            let chance = |salt: u32| noise(step * 8 + salt, index);
            if chance(0) < 0.2 {
                continue;
            }
            let score = 0.3 + 0.05 * (chance(1) * 10.0).floor();
            let label = if label == "truck" && chance(2) < 0.3 {
                "car"
            } else {
                label
            };
            let y = 0.15 * f32::from(u8::try_from(index).unwrap());
            let tremble = |salt| (chance(salt) - 0.5) * 0.2 * width;
            let (left, top) = (x + tremble(3), (y + tremble(4)).max(0.0));
            found.push(Detection {
                class: 0,
                label: label.into(),
                score,
                bounds: Bounds::new(left, top, left + width + tremble(5), top + 0.12).unwrap(),
            });
        }
        if noise(step, 99) < 0.1 {
            found.push(seen("car", 0.5, noise(step, 98) * 0.8, 0.1));
        }
        tracker.step(at(step), &found);
        if step >= 20 {
            frames += 1;
            single += u32::from(found.iter().filter(|one| one.score >= 0.45).count() == 6);
            tracked += u32::from(tracker.in_view().count() == 6);
            all_ids.extend(ids(&tracker));
        }
    }
    assert!(
        single * 4 < frames,
        "the test is too easy: {single} of {frames}"
    );
    assert!(tracked * 100 >= frames * 97, "{tracked} of {frames}");
    assert_eq!(all_ids.len(), 6, "{all_ids:?}");
    let truck = tracker
        .in_view()
        .find(|track| track.bounds.left > 0.7 && track.bounds.top > 0.7);
    assert_eq!(
        truck.map(|track| track.label.to_string()).as_deref(),
        Some("truck")
    );
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

#[test]
fn one_false_alarm_with_weak_echoes_is_not_believed() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..60 {
        let score = if step == 5 { 0.55 } else { 0.3 };
        tracker.step(at(step), &[seen("person", score, 0.3, 0.2)]);
        assert_eq!(tracker.unsure(), (5..=55).contains(&step), "{step}");
    }
    assert!(ids(&tracker).is_empty());
}

#[test]
fn a_weak_echo_of_an_object_does_not_become_a_second_one() {
    let mut tracker = Tracker::new(Settings::default());
    for step in 0..30 {
        let echo = if step == 5 { 0.5 } else { 0.3 };
        let found = [
            seen("person", 0.9, 0.2, 0.3),
            seen("person", echo, 0.3, 0.22),
        ];
        tracker.step(at(step), &found);
    }
    assert_eq!(ids(&tracker), [1]);
}

fn any_detection() -> impl Strategy<Value = Detection> {
    let label = prop::sample::select(vec!["person", "car", "truck", "bicycle"]);
    let place = (0.0..0.95_f32, 0.0..0.95_f32, 0.001..1.0_f32, 0.001..1.0_f32);
    (label, 0.0..=1.0_f32, place).prop_map(|(label, score, (x, y, w, h))| Detection {
        class: 0,
        label: label.into(),
        score,
        bounds: Bounds::new(x, y, x + w, y + h).unwrap(),
    })
}

proptest! {
    /// Whatever is seen and however time goes: who departs has arrived, nobody arrives twice,
    /// who is in view has arrived and not departed, and stands in the picture.
    #[test]
    fn comings_and_goings_add_up(
        steps in prop::collection::vec(
            (0..3000_u64, 0..10_u8, prop::collection::vec(any_detection(), 0..8)),
            1..60,
        ),
    ) {
        let mut tracker = Tracker::new(Settings::default());
        let (mut arrived, mut departed) = (Vec::new(), Vec::new());
        for (millis, kind, found) in steps {
            let now = Duration::from_millis(millis);
            if kind == 0 {
                tracker.cut();
            }
            let changes = match kind {
                1 | 2 => tracker.hold(now),
                _ => tracker.step(now, &found),
            };
            for track in changes.arrivals {
                prop_assert!(!arrived.contains(&track.id));
                arrived.push(track.id);
            }
            for track in changes.departures {
                prop_assert!(arrived.contains(&track.id) && !departed.contains(&track.id));
                departed.push(track.id);
            }
            for track in tracker.in_view() {
                prop_assert!(arrived.contains(&track.id) && !departed.contains(&track.id));
                let edges = track.bounds.to_array();
                prop_assert!(edges.iter().all(|edge| (0.0..=1.0).contains(edge)));
            }
        }
    }
}
