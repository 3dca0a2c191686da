use super::*;

fn policy() -> Policy {
    let labels = ["car".to_owned(), "person".to_owned()];
    Policy::new("front", &labels, vec!["street".into()], &["gate".into()])
}

fn seen(track: u64, label: &str) -> Seen {
    Seen {
        object: Object {
            track,
            label: label.into(),
            score: 0.6,
            bounds: [0.1, 0.2, 0.3, 0.4],
            zones: vec!["street".into()],
            stationary: false,
            dwell_ms: 700,
            unseen_ms: 300,
        },
        best: 0.75,
        scores: vec![0.412, 0.66],
    }
}

fn frame<'a>(id: u64, in_view: &'a [Seen], crossings: &'a [Crossing]) -> Frame<'a> {
    Frame {
        id,
        time_usec: id * 100_000,
        basis: "inferred",
        gate_area: 0.12,
        gate: Some("motion"),
        in_view,
        gone: &[],
        crossings,
    }
}

fn kinds(events: &[Event]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|e| (e.kind.as_str(), e.label.as_str()))
        .collect()
}

#[test]
fn every_counted_label_and_line_is_there_from_the_start() {
    let policy = policy();
    assert_eq!(policy.counts()["car"], 0);
    assert_eq!(policy.arrivals()["person"], 0);
    assert_eq!(policy.crossings()["gate/in"], 0);
    assert_eq!(policy.crossings()["gate/out"], 0);
}

#[test]
fn an_object_arrives_once_and_departs_once() {
    let mut policy = policy();
    let car = [seen(1, "car")];
    let arrived = policy.step(frame(1, &car, &[]));
    assert_eq!(kinds(&arrived), [("arrival", "car")]);
    assert_eq!(policy.counts()["car"], 1);
    assert!(policy.step(frame(2, &car, &[])).is_empty());
    let gone = policy.step(Frame {
        gone: &car,
        ..frame(3, &[], &[])
    });
    assert_eq!(kinds(&gone), [("departure", "car")]);
    assert_eq!((arrived[0].dwell_ms, gone[0].dwell_ms), (0, 700));
    assert_eq!(gone[0].counts["car"], 0);
    assert_eq!(gone[0].reasons["unseen-ms"], "300");
    assert_eq!(policy.arrivals()["car"], 1);
}

#[test]
fn an_object_that_is_hidden_for_a_moment_changes_only_the_count() {
    let mut policy = policy();
    let car = [seen(1, "car")];
    policy.step(frame(1, &car, &[]));
    let hidden = policy.step(frame(2, &[], &[]));
    assert_eq!(kinds(&hidden), [("count", "car")]);
    assert_eq!(hidden[0].reasons["count car"], "1 to 0");
    assert!(
        !hidden[0].reasons.contains_key("scores"),
        "{:?}",
        hidden[0].reasons
    );
    let back = policy.step(frame(3, &car, &[]));
    assert_eq!(kinds(&back), [("count", "car")]);
    assert_eq!(policy.arrivals()["car"], 1);
}

#[test]
fn who_never_arrived_does_not_depart() {
    let stranger = [seen(9, "car")];
    let events = policy().step(Frame {
        gone: &stranger,
        ..frame(1, &[], &[])
    });
    assert_eq!(kinds(&events), []);
}

#[test]
fn an_event_says_why() {
    let event = policy().step(frame(1, &[seen(1, "car")], &[])).remove(0);
    assert_eq!(event.reasons["gate-area"], "0.120");
    assert_eq!(event.reasons["gate"], "motion");
    assert_eq!(event.reasons["scores"], "0.41 0.66");
    assert_eq!(event.reasons["zone street"], "inside");
    assert_eq!(event.reasons["basis"], "inferred");
    assert_eq!((event.frame_id, event.time_usec), (1, 100_000));
    assert!((event.score - 0.75).abs() < 1e-6);
}

#[test]
fn a_crossing_is_counted_by_way_and_names_its_line() {
    let mut policy = policy();
    let car = [seen(1, "car")];
    policy.step(frame(1, &car, &[]));
    let crossing = Crossing {
        track: 1,
        line: "gate".into(),
        way: "in",
    };
    let events = policy.step(frame(2, &car, &[crossing]));
    assert_eq!(kinds(&events), [("crossing", "car")]);
    assert_eq!(events[0].zones, ["street", "gate/in"]);
    assert_eq!(events[0].reasons["line gate"], "in");
    assert_eq!(policy.crossings()["gate/in"], 1);
    assert_eq!(policy.crossings()["gate/out"], 0);
}

#[test]
fn a_track_with_a_better_label_changes_the_count_without_coming_or_going() {
    let mut policy = policy();
    policy.step(frame(1, &[seen(1, "car")], &[]));
    let events = policy.step(frame(2, &[seen(1, "person")], &[]));
    assert_eq!(kinds(&events), [("count", "person")]);
    assert_eq!(events[0].track, 0);
    assert_eq!(events[0].reasons["label"], "car became person");
    assert_eq!(
        (events[0].counts["car"], events[0].counts["person"]),
        (0, 1)
    );
}
