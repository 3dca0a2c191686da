use super::*;

#[test]
fn nobody_hides_anybody() {
    for tenth in 0..6000 {
        let actors = at(f64::from(tenth) / 10.0);
        for (i, a) in actors.iter().enumerate() {
            for b in &actors[..i] {
                let apart = a.bounds[2] <= b.bounds[0]
                    || b.bounds[2] <= a.bounds[0]
                    || a.bounds[3] <= b.bounds[1]
                    || b.bounds[3] <= a.bounds[1];
                assert!(apart, "{a:?} and {b:?} at {tenth}");
            }
        }
    }
}

#[test]
fn both_kinds_come_go_and_vary() {
    let counts = |kind| {
        let mut seen: Vec<usize> = (0..1200)
            .map(|s| {
                at(f64::from(s) / 2.0)
                    .iter()
                    .filter(|a| a.kind == kind)
                    .count()
            })
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    };
    assert!(counts(Kind::Car).len() >= 4, "{:?}", counts(Kind::Car));
    assert!(
        counts(Kind::Person).len() >= 4,
        "{:?}",
        counts(Kind::Person)
    );
    assert!(!at(0.0).is_empty());
}

#[test]
fn an_actor_keeps_its_identity_and_never_jumps() {
    let (mut before, step) = (at(0.0), 0.04);
    for tick in 1..5000 {
        let now = at(f64::from(tick) * step);
        for actor in &now {
            if let Some(old) = before.iter().find(|old| old.identity == actor.identity) {
                let moved = (actor.bounds[0] - old.bounds[0]).abs();
                assert!(moved <= 250.0 * step + 1e-6, "{moved} {actor:?}");
            }
        }
        before = now;
    }
}

#[test]
fn red_stops_the_near_lane_only() {
    let place = |seconds: f64, lane| {
        at(seconds)
            .iter()
            .filter(|a| a.identity.0 == lane)
            .map(|a| a.bounds[0])
            .sum::<f64>()
    };
    assert!(is_red(31.0) && !is_red(5.0));
    assert!((place(30.0, 2) - place(35.0, 2)).abs() < 1e-9);
    assert!((place(30.0, 3) - place(30.5, 3)).abs() > 1.0);
}
