//! What goes wrong with devices, and that pictures come back when it is over.

use crate::shim::{OLD_WEBCAM, WEBCAM};
use crate::stage::{Stage, frame, series};

const SETTINGS: &str = "size = \"320x240\"\n[camera.front]\nsource = \"usb:1\"";

/// A camera that had `fault` from the start fails with problem `code`, and streams after.
async fn fails_and_recovers(fault: &str, code: &str) {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", WEBCAM);
    stage.kernel.fault("video0", WEBCAM, fault);
    let _daemon = stage.start(SETTINGS);
    let client = stage.client().await;
    client.state("front", "failed").await;
    client.problem(code, "front", true).await;
    stage.kernel.set("video0", WEBCAM);
    client.state("front", "streaming").await;
    client.problem(code, "front", false).await;
}

#[tokio::test]
async fn a_device_without_formats() {
    fails_and_recovers("no-formats", "camera-format").await;
}

#[tokio::test]
async fn a_node_that_is_for_metadata() {
    fails_and_recovers("metadata", "not-a-camera").await;
}

#[tokio::test]
async fn a_device_that_is_something_else_is_no_camera_and_one_to_come_is_waited_for() {
    let stage = Stage::new();
    let _daemon = stage.start(
        "[camera.null]\nsource = \"/dev/null\"\n[camera.later]\nsource = \"/dev/video-to-come\"",
    );
    let client = stage.client().await;
    client.state("null", "failed").await;
    client.problem("not-a-camera", "null", true).await;
    client.state("later", "absent").await;
    client.problem("camera-gone", "later", true).await;
}

#[tokio::test]
async fn a_device_that_another_program_uses() {
    fails_and_recovers("busy", "camera-busy").await;
}

#[tokio::test]
async fn a_device_that_may_not_be_opened() {
    fails_and_recovers("denied", "camera-denied").await;
}

#[tokio::test]
async fn errors_while_streaming() {
    for fault in ["eio", "bad-index"] {
        let stage = Stage::new();
        stage.kernel.plug("video0", "1", "", WEBCAM);
        let _daemon = stage.start(SETTINGS);
        let client = stage.client().await;
        let mut reader = client.reader("front", "native").await;
        frame(&mut reader);
        stage.kernel.fault("video0", WEBCAM, fault);
        client.state("front", "failed").await;
        client.problem("camera-failed", "front", true).await;
        stage.kernel.set("video0", WEBCAM);
        client.state("front", "streaming").await;
        client.problem("camera-failed", "front", false).await;
        frame(&mut reader);
        assert!(series(&stage.rig, "vigla_camera_restarts_total{camera=\"front\"}") >= 1);
    }
}

/// Pictures with `fault` are dropped or not, the picture is called torn, and well again after.
async fn is_torn(sheet: &str, fault: &str, drops: bool) {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", sheet);
    let _daemon = stage.start(SETTINGS);
    let client = stage.client().await;
    let mut reader = client.reader("front", "native").await;
    frame(&mut reader);
    stage.kernel.fault("video0", sheet, fault);
    client.until("torn", |c| c["front"].picture == "torn").await;
    client.problem("picture-torn", "front", true).await;
    let name = "vigla_camera_dropped_total{camera=\"front\",reason=\"damaged\"}";
    assert_eq!(series(&stage.rig, name) > 0, drops);
    stage.kernel.set("video0", sheet);
    client
        .until("well again", |c| c["front"].picture == "ok")
        .await;
    client.problem("picture-torn", "front", false).await;
}

#[tokio::test]
async fn a_short_yuyv_picture_is_dropped() {
    is_torn(OLD_WEBCAM, "short", true).await;
}

#[tokio::test]
async fn a_short_jpeg_is_shown_as_far_as_it_goes() {
    is_torn(WEBCAM, "short", false).await;
}

#[tokio::test]
async fn a_picture_that_the_driver_calls_damaged() {
    is_torn(WEBCAM, "flagged", false).await;
}

#[tokio::test]
async fn pictures_of_another_size_are_dropped_until_they_insist() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", WEBCAM);
    let _daemon = stage.start(SETTINGS);
    let client = stage.client().await;
    client.state("front", "streaming").await;
    stage.kernel.fault("video0", WEBCAM, "wrong-size");
    client
        .until("the new size", |c| c["front"].width == 160)
        .await;
    let name = "vigla_camera_dropped_total{camera=\"front\",reason=\"damaged\"}";
    assert!(series(&stage.rig, name) > 0);
    stage.kernel.set("video0", WEBCAM);
    client
        .until("the old size", |c| c["front"].width == 320)
        .await;
}

#[tokio::test]
async fn a_black_and_a_frozen_picture_are_told() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", OLD_WEBCAM);
    let _daemon = stage.start(&format!("frozen_after = \"2s\"\n{SETTINGS}"));
    let client = stage.client().await;
    client.until("ok", |c| c["front"].picture == "ok").await;
    for fault in ["black", "frozen"] {
        stage.kernel.fault("video0", OLD_WEBCAM, fault);
        client.until(fault, |c| c["front"].picture == fault).await;
        client
            .problem(&format!("picture-{fault}"), "front", true)
            .await;
    }
    stage.kernel.set("video0", OLD_WEBCAM);
    client
        .until("ok again", |c| c["front"].picture == "ok")
        .await;
    assert_eq!(client.problems().await, []);
}

#[tokio::test]
async fn a_stalled_camera_is_started_over() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", WEBCAM);
    let _daemon = stage.start(SETTINGS);
    let client = stage.client().await;
    client.state("front", "streaming").await;
    stage.kernel.fault("video0", WEBCAM, "stall");
    let restarted = || series(&stage.rig, "vigla_camera_restarts_total{camera=\"front\"}") > 0;
    client.until("a restart", |_| restarted()).await;
    stage.kernel.set("video0", WEBCAM);
    client.state("front", "streaming").await;
}
