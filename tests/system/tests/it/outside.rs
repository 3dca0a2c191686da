//! What an outsider gets from a node that runs.

use serde_json::Value;
use vigla_system_tests::{Scene, Site, http, mqtt};

const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

#[test]
fn the_real_clip_is_counted_by_the_real_model() {
    let site = Site::start(Scene::Clip).unwrap();
    let state = site
        .wait("people are seen", PATIENCE, |s| {
            s["cameras"][0]["counts"]["person"].as_u64() > Some(0)
        })
        .unwrap();
    assert_eq!(state["model"]["name"], "cocossd-mnv2-300-int8");
    site.wait("cars are seen", PATIENCE, |s| {
        s["cameras"][0]["counts"]["car"].as_u64() > Some(0)
    })
    .unwrap();

    let messages = mqtt::messages(site.broker.port(), "demo/#", 4, 30).unwrap();
    let (topic, payload) = messages
        .iter()
        .find(|(topic, _)| topic == "demo/person_count")
        .unwrap();
    let payload: Value = serde_json::from_str(payload).unwrap();
    assert_eq!(payload["sensor"], "image", "{topic}");
    assert!(
        payload["person_count"]
            .as_str()
            .unwrap()
            .parse::<u32>()
            .is_ok()
    );
    assert!(payload["nodeid"].as_str().unwrap().starts_with("vigla-"));
}

#[test]
fn boxes_are_those_of_the_picture_they_come_with() {
    let site = Site::start(Scene::Clip).unwrap();
    site.whole().unwrap();
    let mut live = http::get(site.port, "/api/v1/cameras/street/live").unwrap();
    assert_eq!(live.status, 200);
    let parts = live.parts(20).unwrap();
    for pair in parts.chunks(2) {
        let record: Value = serde_json::from_slice(&pair[0].bytes).unwrap();
        let id = pair[1].header("x-frame-id").unwrap();
        assert_eq!(record["frame_id"].as_u64().unwrap().to_string(), id);
        assert!(pair[1].bytes.starts_with(&[0xff, 0xd8]), "not a JPEG");
    }
}

#[test]
fn streams_and_snapshots_speak_the_old_dialects() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    for path in [
        "/stream",
        "/?action=stream",
        "/cameras/street/stream",
        "/stream?boxes=1",
        "/camera_frame_feed/1",
    ] {
        let mut stream = http::get(site.port, path).unwrap();
        assert_eq!(stream.status, 200, "{path}");
        let kind = stream.header("content-type").unwrap().to_owned();
        assert!(
            kind.starts_with("multipart/x-mixed-replace"),
            "{path}: {kind}"
        );
        for part in stream.parts(2).unwrap() {
            assert_eq!(part.header("content-type"), Some("image/jpeg"), "{path}");
            assert!(part.bytes.starts_with(&[0xff, 0xd8]), "{path}");
        }
    }
    for path in [
        "/snapshot",
        "/?action=snapshot",
        "/cameras/street/snapshot",
        "/snapshot?boxes=1",
    ] {
        let picture = http::get(site.port, path).unwrap();
        assert_eq!(
            (picture.status, picture.header("content-type")),
            (200, Some("image/jpeg")),
            "{path}"
        );
        assert!(picture.bytes().unwrap().ends_with(&[0xff, 0xd9]), "{path}");
    }
}

#[test]
fn one_page_holds_the_metrics_of_all_daemons() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let page = http::get(site.port, "/metrics").unwrap().text().unwrap();
    for noun in ["camera", "detector", "metrics", "gateway"] {
        assert!(
            page.contains(&format!("vigla_{noun}_build_info")),
            "{noun} is missing in\n{page}"
        );
    }
    assert!(page.contains("vigla_camera_frames_total"));
}

#[test]
fn availability_says_stopped_when_the_daemon_was_asked_to() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let topic = "vigla/v1/+/availability";
    let online = mqtt::messages(site.broker.port(), topic, 1, 30).unwrap();
    assert_eq!(online[0].1, "online");
    site.daemon("metrics")
        .unwrap()
        .child()
        .stop(std::time::Duration::from_secs(12))
        .unwrap();
    let stopped = mqtt::messages(site.broker.port(), topic, 1, 30).unwrap();
    assert_eq!(stopped[0].1, "stopped");
}
