use proptest::prelude::*;

use super::*;

const SIZE: u32 = 80;

/// A grey picture with grain and a bright square of `side` cells at `x`.
fn scene(step: u32, light: u8, square: Option<(u32, u32)>) -> Thumbnail {
    let mut luma = Vec::new();
    for cell in 0..SIZE * SIZE {
        let (column, row) = (cell % SIZE, cell / SIZE);
        let grain = (cell.wrapping_mul(2_654_435_761).wrapping_add(step * 40_503) >> 13) % 7;
        let texture = (column * 3 + row * 5) % 60;
        let inside = square.is_some_and(|(x, side)| {
            (x..x + side).contains(&column) && (30..30 + side).contains(&row)
        });
        let value = if inside {
            230
        } else {
            texture + grain + u32::from(light)
        };
        luma.push(u8::try_from(value.min(255)).unwrap());
    }
    Thumbnail {
        width: SIZE,
        height: SIZE,
        luma,
    }
}

fn at(step: u32) -> Duration {
    Duration::from_millis(100) * step
}

/// What an always-fed gate says of `steps` frames of a scene.
fn run(
    gate: &mut Gate,
    steps: std::ops::Range<u32>,
    scene: impl Fn(u32) -> Thumbnail,
) -> Vec<Verdict> {
    steps
        .map(|step| {
            if gate.due(at(step), false) {
                gate.judge(at(step), &scene(step), false)
            } else {
                gate.skip()
            }
        })
        .collect()
}

#[test]
fn a_still_scene_is_looked_at_rarely_and_inferred_at_each_heartbeat() {
    let mut gate = Gate::new(Settings::default());
    let verdicts = run(&mut gate, 0..1000, |step| scene(step, 60, None));
    assert_eq!(verdicts[0].reason, Reason::First);
    let calm = &verdicts[100..];
    let count = |reason| {
        calm.iter()
            .filter(|verdict| verdict.reason == reason)
            .count()
    };
    assert_eq!(count(Reason::Heartbeat), 9);
    assert_eq!(calm.iter().filter(|verdict| verdict.open).count(), 9);
    assert!(count(Reason::Skipped) >= 600, "{}", count(Reason::Skipped));
}

#[test]
fn something_that_moves_opens_it_and_it_lingers() {
    let mut gate = Gate::new(Settings::default());
    run(&mut gate, 0..100, |step| scene(step, 60, None));
    let moving = run(&mut gate, 100..130, |step| {
        scene(step, 60, Some((step - 90, 5)))
    });
    let first = moving.iter().position(|verdict| verdict.open).unwrap();
    assert!(first <= 4, "noticed after {first} frames");
    assert!(moving[first..].iter().all(|verdict| verdict.open));
    assert_eq!(moving[first].reason, Reason::Motion);
    assert!(moving[first].area > 0.002 && moving[first].area < 0.02);
    let after = run(&mut gate, 130..150, |step| scene(step, 60, None));
    assert!(after.iter().any(|verdict| verdict.reason == Reason::Linger));
}

#[test]
fn what_stays_becomes_background() {
    let mut gate = Gate::new(Settings::default());
    run(&mut gate, 0..100, |step| scene(step, 60, None));
    let parked = run(&mut gate, 100..500, |step| scene(step, 60, Some((20, 12))));
    assert!(parked[10].open);
    assert!(parked[350..].iter().filter(|verdict| verdict.open).count() <= 2);
}

#[test]
fn a_cloud_is_not_motion_but_another_scene_is_a_cut() {
    let mut gate = Gate::new(Settings::default());
    run(&mut gate, 0..100, |step| scene(step, 60, None));
    let cloud = run(&mut gate, 100..160, |step| {
        scene(step, 60 + (step as u8 - 100) / 2, None)
    });
    assert!(cloud.iter().all(|verdict| verdict.reason != Reason::Motion));
    let sudden = gate.judge(at(170), &scene(170, 130, None), false);
    assert!(sudden.area < 0.2, "{sudden:?}");
    let mut other = scene(171, 60, None);
    other.luma.reverse();
    for (index, luma) in other.luma.iter_mut().enumerate() {
        *luma = luma
            .wrapping_mul(7)
            .wrapping_add(((index / 640) as u8).wrapping_mul(40));
    }
    assert_eq!(gate.judge(at(171), &other, false).reason, Reason::Cut);
}

#[test]
fn a_tree_in_the_wind_becomes_background_but_a_car_before_it_does_not() {
    let tree = |step: u32| {
        let mut thumbnail = scene(step, 60, None);
        for row in 0..20 {
            for column in 0..30 {
                let wave = (step * 7 + row * 11 + column * 5) % 40;
                thumbnail.luma[row as usize * 80 + column as usize] = 60 + wave as u8;
            }
        }
        thumbnail
    };
    let mut gate = Gate::new(Settings::default());
    let early = run(&mut gate, 0..50, tree);
    let late = run(&mut gate, 50..600, tree);
    let open = |verdicts: &[Verdict]| verdicts.iter().filter(|verdict| verdict.open).count();
    assert!(open(&early) > 30);
    assert!(open(&late[300..]) < 40, "{}", open(&late[300..]));
    let car = |step: u32| {
        let mut thumbnail = tree(step);
        for row in 5..15 {
            for column in 5..20 {
                thumbnail.luma[row * 80 + column] = 250;
            }
        }
        thumbnail
    };
    assert!(
        run(&mut gate, 600..610, car)
            .iter()
            .any(|verdict| verdict.open)
    );
}

#[test]
fn an_unsure_tracker_opens_it_for_a_while_but_not_for_ever() {
    let mut gate = Gate::new(Settings::default());
    run(&mut gate, 0..60, |step| scene(step, 60, None));
    let verdicts: Vec<_> = (60..95)
        .map(|step| {
            if gate.due(at(step), true) {
                gate.judge(at(step), &scene(step, 60, None), true)
            } else {
                gate.skip()
            }
        })
        .collect();
    let unsure = verdicts
        .iter()
        .filter(|verdict| verdict.reason == Reason::Unsure);
    let unsure = unsure.count();
    assert!((10..=16).contains(&unsure), "{unsure}");
}

#[test]
fn another_size_begins_anew() {
    let mut gate = Gate::new(Settings::default());
    gate.judge(at(0), &scene(0, 60, None), false);
    let small = Thumbnail {
        width: 2,
        height: 2,
        luma: vec![0; 4],
    };
    assert_eq!(gate.judge(at(1), &small, false).reason, Reason::First);
    assert_eq!(
        gate.judge(at(2), &Thumbnail::default(), false).reason,
        Reason::First
    );
}

#[test]
fn a_gate_that_is_off_is_always_open() {
    let gate = Gate::new(Settings {
        area: 0.0,
        ..Settings::default()
    });
    assert!(gate.always_open() && gate.due(at(0), false));
}

proptest! {
    /// Whatever the pictures show and however time goes, the model is never left without a look
    /// for longer than a heartbeat and one interval.
    #[test]
    fn a_heartbeat_is_never_missed(
        frames in prop::collection::vec((10..400_u64, any::<u8>(), any::<u8>(), any::<bool>()), 1..300),
    ) {
        let settings = Settings::default();
        let longest = settings.heartbeat + settings.interval;
        let mut gate = Gate::new(settings);
        let (mut now, mut last) = (Duration::ZERO, Duration::ZERO);
        for (millis, light, spot, unsure) in frames {
            now += Duration::from_millis(millis);
            let mut luma = vec![light; 400];
            luma[usize::from(spot)] = spot;
            let thumbnail = Thumbnail { width: 20, height: 20, luma };
            if gate.due(now, unsure) && gate.judge(now, &thumbnail, unsure).open {
                last = now;
            }
            prop_assert!(now.saturating_sub(last) <= longest);
        }
    }
}
