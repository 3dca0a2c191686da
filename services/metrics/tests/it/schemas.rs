//! The schemas in `schemas/` say what is sent: examples and real messages hold to them.

use std::path::PathBuf;

use serde_json::Value;
use vigla_bus::detector::{Event, FrameDetections, Model, Object};
use vigla_bus::updater::HistoryEntry;
use vigla_kit::Clock;
use vigla_metrics::Settings;
use vigla_metrics::compose::{Composer, Moment};
use vigla_metrics::outbox::Message;
use vigla_metrics::stamp::Stamp;
use vigla_metrics::tally::Tally;
use vigla_metrics::topics::Topics;
use vigla_testkit::peers::sample;

const NAMES: [&str; 6] = [
    "availability",
    "counts",
    "detections",
    "event",
    "legacy-count",
    "update",
];

fn json(path: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("schemas")
        .join(path);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Holds `value` to the schema `name`, and to documenting every field it has.
pub(crate) fn check(name: &str, value: &Value) {
    let schema = json(&format!("{name}.json"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{name}: {faults:?}\n{value:#}");
    if name != "legacy-count" {
        documented(&schema, value, name);
    }
}

/// Schemas leave room for newer fields, but what *we* send is all described.
fn documented(schema: &Value, value: &Value, at: &str) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let open = schema.get("additionalProperties");
                let known = schema.pointer(&format!("/properties/{key}")).or(open);
                let known = known.unwrap_or_else(|| panic!("`{key}` of {at} is not in the schema"));
                documented(known, inner, &format!("{at}.{key}"));
            }
        }
        Value::Array(items) => {
            for item in items {
                documented(&schema["items"], item, at);
            }
        }
        _ => {}
    }
}

/// The schema of the message on `topic`.
pub(crate) fn name_of(topic: &str) -> &'static str {
    match topic.rsplit('/').next().unwrap_or_default() {
        "counts" => "counts",
        "detections" => "detections",
        "events" => "event",
        "updates" => "update",
        "availability" => "availability",
        _ => "legacy-count",
    }
}

#[test]
fn the_examples_hold_to_their_schemas() {
    for name in NAMES {
        check(name, &json(&format!("examples/{name}.json")));
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    for (name, pointer, wrong) in [
        ("counts", "/seq", Value::from(-1)),
        ("counts", "/node_id", Value::from("0")),
        ("counts", "/counts/car", Value::from("2")),
        ("detections", "/objects/0/box", Value::from(vec![0.5; 3])),
        ("event", "/ts", Value::from("yesterday")),
        ("update", "/update/tries", Value::from(-1)),
        ("legacy-count", "/car_count", Value::from(2)),
    ] {
        let mut value = json(&format!("examples/{name}.json"));
        *value.pointer_mut(pointer).unwrap() = wrong;
        let validator = jsonschema::validator_for(&json(&format!("{name}.json"))).unwrap();
        assert!(!validator.is_valid(&value), "{name} {pointer}");
    }
}

#[test]
fn real_messages_hold_to_their_schemas() {
    let mut topics = Vec::new();
    for message in produced() {
        let value: Value = serde_json::from_slice(&message.payload).unwrap();
        check(name_of(&message.topic), &value);
        topics.push(message.topic);
    }
    topics.sort();
    let node = "vigla/v1/vigla-0123456789ab";
    let expected = [
        "demo/car_count",
        "demo/person_count",
        &format!("{node}/events"),
        &format!("{node}/events"),
        &format!("{node}/front/counts"),
        &format!("{node}/front/detections"),
        &format!("{node}/updates"),
        &format!("{node}/usb-1.2/counts"),
    ];
    assert_eq!(topics, expected);
}

/// What a second with two cameras and two events makes.
fn produced() -> Vec<Message> {
    let clock = Clock::manual(1_790_000_000_000_000);
    let node = "vigla-0123456789ab";
    let topics = Topics::new(node, "demo", "homeassistant");
    let stamp = Stamp::new(node.to_owned(), "0123456789abcdef".repeat(2), clock.clone());
    let mut composer = Composer::new(&Settings::default(), topics, stamp);
    let model = Model {
        name: "m".into(),
        version: "1".into(),
        digest: "0f".repeat(32),
    };
    let mut tally = Tally::default();
    tally.observe(
        sample::frame("front", 7, &[("car", 2), ("person", 0)]),
        clock.mono_usec(),
    );
    tally.observe(
        FrameDetections {
            basis: "no-model".into(),
            ..sample::frame("usb-1.2", 1, &[])
        },
        clock.mono_usec(),
    );
    tally.happened("front");
    let now = Moment {
        wall_usec: clock.now_usec(),
        mono_usec: clock.mono_usec(),
    };
    let mut messages = composer.sample(&mut tally, now, &model);
    let arrival = sample::event(1, "front");
    let count = Event {
        id: 2,
        kind: "count".into(),
        track: 0,
        ..arrival.clone()
    };
    messages.extend(
        [arrival, count]
            .into_iter()
            .filter_map(|event| composer.event(event, &Model::default())),
    );
    let fell = HistoryEntry {
        time_usec: clock.now_usec(),
        event: "fell-back".into(),
        dossier: json("examples/update.json")["dossier"].to_string(),
        ..HistoryEntry::default()
    };
    messages.extend(composer.update(&fell));
    messages
}

/// The detector's own type is sent as it is: a new field there is a new field here.
#[test]
fn an_object_is_sent_with_all_its_fields() {
    let object = serde_json::to_value(Object::default()).unwrap();
    let schema = json("detections.json");
    for key in object.as_object().unwrap().keys() {
        assert!(
            schema
                .pointer(&format!("/properties/objects/items/properties/{key}"))
                .is_some(),
            "{key}"
        );
    }
}
