//! What a client gets when all is well.

use vigla_testkit::{peers::sample, until};

use crate::{
    client::{self, Stream},
    stage::{PATIENCE, Stage},
};

#[test]
fn the_page_is_served_whole_and_only_once() {
    let stage = Stage::set();
    let page = stage.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    for name in [
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "cross-origin-resource-policy",
    ] {
        assert!(page.header(name).is_some(), "{name}");
    }
    assert_eq!(page.header("access-control-allow-origin"), None);
    for piece in page.text().split("\"/assets/").skip(1) {
        let name = piece.split('"').next().unwrap();
        assert_eq!(stage.get(&format!("/assets/{name}")).status, 200, "{name}");
    }
    let tag = page.header("etag").unwrap();
    let again = client::ask(stage.port, "/", &format!("If-None-Match: {tag}\r\n")).unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn the_state_names_cameras_counts_and_what_is_missing() {
    let stage = Stage::set();
    stage.wait_for("counts", |state| {
        state["cameras"][0]["counts"]["car"] == 2 && state["cameras"][0]["lag_ms"] == 42.0
    });
    stage.wait_for("the missing service", |state| {
        state["sentence"]["state"] == "degraded"
    });
    let node = stage.json("/api/v1/state");
    assert_eq!(node["cameras"][0]["label"], "The front");
    assert_eq!(node["cameras"][0]["shapes"][0]["name"], "street");
    assert_eq!(node["model"]["name"], "fake");
    assert_eq!(
        node["sentence"]["text"],
        "Degraded, because service `vigla-metrics` is not running."
    );
    assert_eq!(node["sentence"]["fix"], "See its log for the reason.");
    let health = stage.get("/healthz");
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["problems"][0]["code"], "no-peer");
    let history = until("a minute of history", PATIENCE, || {
        let minutes = stage.json("/api/v1/history?camera=front&minutes=60");
        minutes["minutes"][0]["labels"]["car"]
            .is_object()
            .then_some(minutes)
    });
    assert_eq!(history.unwrap()["minutes"][0]["labels"]["car"]["max"], 2);
}

#[test]
fn events_are_listed_streamed_and_resumed() {
    let stage = Stage::set();
    let mut updates = Stream::open(stage.port, "/api/v1/updates");
    assert_eq!(updates.kind, "text/event-stream");
    assert_eq!(updates.event().unwrap().0, "state");
    stage.report(sample::event(1, "front"));
    stage.list(sample::event(2, "yard"));
    let mut ids = Vec::new();
    while ids.len() < 2 {
        let (name, id, data) = updates.event().unwrap();
        if name == "event" {
            let data: serde_json::Value = serde_json::from_str(&data).unwrap();
            ids.push((id, data["camera_id"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!((ids[0].1.as_str(), ids[1].1.as_str()), ("front", "yard"));

    let listed = stage.json("/api/v1/events?limit=1&camera=front");
    assert_eq!(listed["events"][0]["id"], 1);
    assert_eq!(listed["events"][0]["box"][0], 0.1);
    assert_eq!(stage.json("/api/v1/events?after=1")["events"][0]["id"], 2);

    let resume = format!("Last-Event-ID: {}\r\n", ids[0].0);
    let mut resumed = Stream::open_with(stage.port, "/api/v1/updates", &resume);
    assert_eq!(resumed.event().unwrap().0, "state");
    assert_eq!(resumed.event().unwrap().1, ids[1].0);

    let picture = stage.get("/api/v1/events/1/picture");
    assert_eq!(picture.body, [0xff, 0xd8, 1, 0xff, 0xd9]);
    let tag = picture.header("etag").unwrap();
    let known = format!("If-None-Match: {tag}\r\n");
    let again = client::ask(stage.port, "/api/v1/events/1/picture", &known).unwrap();
    assert_eq!(again.status, 304);
    assert_eq!(stage.get("/api/v1/events/99/picture").status, 404);
}

#[test]
fn counts_are_told_each_second() {
    let stage = Stage::set();
    let mut updates = Stream::open(stage.port, "/api/v1/updates");
    let mut cameras = std::collections::BTreeSet::new();
    while cameras.len() < 2 {
        let (name, _, data) = updates.event().unwrap();
        if name == "counts" {
            let data: serde_json::Value = serde_json::from_str(&data).unwrap();
            assert_eq!(data["counts"]["person"], 1);
            cameras.insert(data["camera_id"].as_str().unwrap().to_owned());
        }
    }
}

#[test]
fn metrics_are_our_own_when_nobody_gathers() {
    let stage = Stage::set();
    let page = stage.get("/metrics");
    assert!(page.text().starts_with("# vigla-metrics does not answer"));
    assert!(
        page.text()
            .contains("vigla_gateway_requests_total{status=\"2xx\"}")
    );
}

#[test]
fn head_is_get_without_a_body() {
    let stage = Stage::set();
    for path in ["/", "/api/v1/state", "/stream", "/api/v1/updates"] {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = client::raw(stage.port, request.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{path}");
    }
}
