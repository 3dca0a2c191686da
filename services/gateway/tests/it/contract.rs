//! Every answer is held against `openapi.json`, and every route of it is asked.

use serde_json::{Value, json};
use vigla_bus::enrolment::Mistake;
use vigla_bus::updater::{HistoryEntry, Slot};
use vigla_testkit::peers::{Board, Peer, Way, sample};

use crate::stage::Stage;

/// The description, as served.
fn description(stage: &Stage) -> Value {
    let answer = stage.get("/openapi.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// Checks `answer` against the schema of the 200 answer of `path`.
fn hold(openapi: &Value, path: &str, answer: &Value) {
    let kinds = &openapi["paths"][path]["get"]["responses"]["200"]["content"];
    let schema = &kinds["application/json"]["schema"];
    assert!(schema.is_object(), "no schema for `{path}`");
    hold_to(openapi, schema, path, answer);
}

fn hold_to(openapi: &Value, schema: &Value, what: &str, answer: &Value) {
    let whole = json!({ "allOf": [schema], "components": openapi["components"] });
    let validator = jsonschema::validator_for(&whole).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{answer:#}");
}

#[test]
fn every_answer_fits_its_description() {
    let stage = Stage::set();
    let board = Board::default();
    let _updater = busy_updater(&stage, &board);
    let way = Way::default();
    way.at("wait-operator", "bad-file", 5);
    way.lock().mistakes = vec![Mistake::default()];
    let _enrolment = Peer::enrolment(&stage.rig, &way).unwrap();
    stage.report(sample::event(1, "front"));
    stage.wait_for("counts", |state| state["cameras"][0]["counts"]["car"] == 2);
    stage.wait_for("a problem", |state| state["problems"][0].is_object());
    let openapi = description(&stage);
    assert_eq!(openapi["openapi"], "3.1.0");
    for (path, asked) in [
        ("/api/v1/state", "/api/v1/state"),
        ("/api/v1/cameras", "/api/v1/cameras"),
        ("/api/v1/cameras/{id}", "/api/v1/cameras/front"),
        ("/api/v1/events", "/api/v1/events"),
        ("/api/v1/history", "/api/v1/history"),
        ("/api/v1/update", "/api/v1/update"),
        ("/api/v1/enrolment", "/api/v1/enrolment"),
        ("/api/v1/site", "/api/v1/site"),
        ("/api/v1/reset", "/api/v1/reset"),
        ("/healthz", "/healthz"),
    ] {
        hold(&openapi, path, &stage.json(asked));
    }
    for asked in ["/nothing", "/api/v1/cameras/x", "/api/v1/events?limit=0"] {
        let schema = json!({ "$ref": "#/components/schemas/Fault" });
        hold_to(&openapi, &schema, asked, &stage.json(asked));
    }
}

/// An updater with something of everything.
fn busy_updater(stage: &Stage, board: &Board) -> Peer {
    let mut shown = board.lock();
    shown.slots = vec![Slot::default()];
    shown.history = vec![HistoryEntry {
        dossier: r#"{"checks": []}"#.into(),
        ..HistoryEntry::default()
    }];
    shown.job.0 = 1;
    drop(shown);
    Peer::updater(&stage.rig, board).unwrap()
}

#[test]
fn streams_carry_what_is_described() {
    let stage = Stage::set();
    let openapi = description(&stage);
    let mut live = crate::client::Stream::open(stage.port, "/api/v1/cameras/front/live");
    let record = serde_json::from_slice(&live.part().unwrap().body).unwrap();
    let schema = json!({ "$ref": "#/components/schemas/FrameDetections" });
    hold_to(&openapi, &schema, "live", &record);

    let mut updates = crate::client::Stream::open(stage.port, "/api/v1/updates");
    stage.report(sample::event(1, "front"));
    let mut left = vec!["state", "counts", "event"];
    while !left.is_empty() {
        let (name, _, data) = updates.event().unwrap();
        let schema = match name.as_str() {
            "state" => "State",
            "counts" => "Counts",
            _ => "Event",
        };
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        hold_to(
            &openapi,
            &schema,
            &name,
            &serde_json::from_str(&data).unwrap(),
        );
        left.retain(|kind| *kind != name);
    }
}

#[test]
fn every_described_route_is_served() {
    let stage = Stage::set();
    let openapi = description(&stage);
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        if !methods["get"].is_object() {
            continue;
        }
        let asked = path
            .replace(
                "{id}",
                if path.contains("events") {
                    "1"
                } else {
                    "front"
                },
            )
            .replace("{number}", "1")
            .replace("{name}", "index.html");
        let request = format!("HEAD {asked} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = crate::client::raw(stage.port, request.as_bytes()).unwrap();
        let expected = if path.contains("picture") { 404 } else { 200 };
        assert_eq!(answer.status, expected, "{path}");
    }
}
