//! Services that come and go: the gateway serves, says so, and is whole again by itself.

use std::net::TcpListener;

use vigla_testkit::{peers::sample, until};

use crate::{
    client::{self, Stream},
    pictures::small_jpeg,
    stage::{PATIENCE, Stage},
};

/// Whether the sentence begins with the missing camera service; how many more there are is no matter.
fn blames_camera(state: &serde_json::Value) -> bool {
    let text = state["sentence"]["text"].as_str().unwrap_or_default();
    text.starts_with("Degraded, because service `vigla-camera` is not running")
}

#[test]
fn serves_alone_and_says_what_is_missing() {
    let mut stage = Stage::bare(&small_jpeg(), "");
    stage.start_gateway();
    stage.wait_for("the first missing service", blames_camera);
    assert_eq!(stage.get("/").status, 200);
    for path in ["/stream", "/snapshot", "/camera_frame_feed/0"] {
        let refused = stage.get(path);
        assert_eq!(refused.status, 503, "{path}");
        assert_eq!(
            refused.json()["detail"],
            "service `vigla-camera` does not answer just now",
            "{path}"
        );
    }
    assert_eq!(stage.get("/camera_list").text(), "");
    assert_eq!(
        stage.json("/api/v1/events")["events"],
        serde_json::json!([])
    );
    assert_eq!(stage.get("/api/v1/events/1/picture").status, 503);
}

#[test]
fn a_camera_service_that_was_killed_and_is_back_goes_on_in_the_same_stream() {
    let mut stage = Stage::set();
    let mut live = Stream::open(stage.port, "/api/v1/cameras/front/live");
    live.part().unwrap();
    stage.take_camera();
    stage.wait_for("degraded", |state| {
        blames_camera(state) && state["cameras"][0]["state"] == "absent"
    });
    let refused = until("no picture is left", PATIENCE, || {
        let answer = stage.get("/cameras/front/snapshot");
        (answer.status == 503).then_some(answer)
    })
    .unwrap();
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(
        refused.json()["detail"],
        "camera `front` gives no picture: service `vigla-camera` is not running"
    );
    let gone = stage.newest_frame();
    stage.bring_camera();
    while live.part().unwrap().frame() <= gone {}
    stage.wait_for("well again", |state| {
        state["cameras"][0]["state"] == "streaming"
    });
}

#[test]
fn without_a_detector_pictures_go_on_alone_and_with_it_come_pairs_again() {
    let mut stage = Stage::set();
    let mut live = Stream::open(stage.port, "/api/v1/cameras/front/live");
    let mut basis = move || {
        let record = live.part().unwrap();
        live.part().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
        json["basis"].as_str().unwrap().to_owned()
    };
    assert_eq!(basis(), "inferred");
    stage.report(sample::event(1, "front"));
    stage.take_detector();
    while basis() != "none" {}
    stage.wait_for("no counts", |state| {
        state["cameras"][0]["counts"] == serde_json::json!({})
            && state["cameras"][0]["lag_ms"].is_null()
    });
    stage.bring_detector();
    while basis() != "inferred" {}
    stage.wait_for("counts again", |state| {
        state["cameras"][0]["counts"]["car"] == 2
    });
    // Its events count from 1 again.
    stage.report(sample::event(1, "yard"));
    until("the new first event", PATIENCE, || {
        let events = stage.json("/api/v1/events");
        (events["events"][0]["camera_id"] == "yard").then_some(())
    })
    .unwrap();
}

#[test]
fn a_port_in_use_is_a_problem_and_not_the_end() {
    let mut stage = Stage::bare(&small_jpeg(), "");
    let other = TcpListener::bind(("127.0.0.1", stage.port)).unwrap();
    let gateway = stage
        .rig
        .daemon("gateway")
        .binary(std::path::Path::new(env!("CARGO_BIN_EXE_vigla-gateway")))
        .settings(&format!("listen = \"127.0.0.1:{}\"", stage.port))
        .start()
        .unwrap();
    let said = format!("port {} is used by another program", stage.port);
    until("it says so", PATIENCE, || {
        gateway.status().contains(&said).then_some(())
    })
    .unwrap();
    drop(other);
    stage.gateway = Some(gateway);
    until("it serves", PATIENCE, || {
        client::get(stage.port, "/healthz").ok()
    })
    .unwrap();
}

#[test]
fn ends_when_the_bus_is_gone_so_that_it_is_started_anew() {
    let mut stage = Stage::set();
    let mut live = Stream::open(stage.port, "/api/v1/cameras/front/live");
    live.part().unwrap();
    stage.rig.kill_bus().unwrap();
    let mut gateway = stage.gateway.take().unwrap();
    let status = gateway.child().wait(PATIENCE).unwrap();
    assert!(!status.success(), "{status}");
    stage.take_camera();
    stage.take_detector();
}

#[test]
fn ends_in_order_while_clients_look() {
    let mut stage = Stage::set();
    let mut live = Stream::open(stage.port, "/api/v1/cameras/front/live");
    let mut updates = Stream::open(stage.port, "/api/v1/updates");
    live.part().unwrap();
    updates.event().unwrap();
    let status = stage.gateway.take().unwrap().stop().unwrap();
    assert!(status.success(), "{status}");
    while live.part().is_ok() {}
    while updates.event().is_ok() {}
    stage.start_gateway();
    Stream::open(stage.port, "/stream").part().unwrap();
}
