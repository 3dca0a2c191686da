//! Cameras that come and go.

use crate::shim::WEBCAM;
use crate::stage::{Stage, frame};

#[tokio::test]
async fn a_replugged_camera_keeps_its_name_on_another_node() {
    let stage = Stage::new();
    let _daemon = stage.start("");
    let client = stage.client().await;
    client.problem("no-camera", "", true).await;
    stage.kernel.plug("video0", "1.2", "", WEBCAM);
    let cameras = client
        .until("it streams", |c| c.values().any(|c| c.state == "streaming"))
        .await;
    let id = cameras.keys().next().unwrap().clone();
    client.problem("no-camera", "", false).await;
    let mut reader = client.reader(&id, "native").await;
    frame(&mut reader);
    stage.kernel.unplug("video0");
    client.state(&id, "absent").await;
    client.problem("camera-gone", &id, true).await;
    stage.kernel.plug("video3", "1.2", "", WEBCAM);
    client.state(&id, "streaming").await;
    client.problem("camera-gone", &id, false).await;
    assert_eq!(client.cameras().await.len(), 1);
    // The ring outlives the camera: the same reader sees the new pictures.
    frame(&mut reader);
}

#[tokio::test]
async fn two_equal_cameras_stay_apart_and_names_survive_a_restart() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "SN0001", WEBCAM);
    stage.kernel.plug("video2", "2", "SN0001", WEBCAM);
    let both = |c: &std::collections::HashMap<String, vigla_bus::camera::CameraState>| {
        c.len() == 2 && c.values().all(|c| c.state == "streaming")
    };
    let daemon = stage.start("");
    let client = stage.client().await;
    let place = |cameras: std::collections::HashMap<String, vigla_bus::camera::CameraState>| {
        let mut all: Vec<_> = cameras.into_values().map(|c| (c.location, c.id)).collect();
        all.sort();
        all
    };
    let before = place(client.until("both stream", both).await);
    assert!(daemon.stop().unwrap().success());
    stage.kernel.unplug("video0");
    stage.kernel.unplug("video2");
    stage.kernel.plug("video0", "2", "SN0001", WEBCAM);
    stage.kernel.plug("video1", "1", "SN0001", WEBCAM);
    let _daemon = stage.start("");
    assert_eq!(place(client.until("both stream", both).await), before);
}

#[tokio::test]
async fn a_moved_camera_is_recognised_by_its_serial() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "ABCD1234", WEBCAM);
    let _daemon = stage.start("");
    let client = stage.client().await;
    let cameras = client
        .until("it streams", |c| c.values().any(|c| c.state == "streaming"))
        .await;
    let id = cameras.keys().next().unwrap().clone();
    stage.kernel.unplug("video0");
    client.state(&id, "absent").await;
    stage.kernel.plug("video0", "4", "ABCD1234", WEBCAM);
    client.state(&id, "streaming").await;
    assert_eq!(client.cameras().await.len(), 1);
}
