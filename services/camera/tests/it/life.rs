//! The life of the daemon: starts with nothing, refuses bad settings, ends in order.

use std::collections::HashMap;

use vigla_bus::zbus::Variant;
use vigla_testkit::until;

use crate::shim::WEBCAM;
use crate::stage::{SOON, Stage, frame};

#[tokio::test]
async fn starts_with_nothing_and_says_so() {
    let stage = Stage::new();
    let daemon = stage.start_with("", &[("WATCHDOG_USEC", "1000000")]);
    let client = stage.client().await;
    client.problem("no-camera", "", true).await;
    assert!(client.cameras().await.is_empty());
    let fed = until("the watchdog is fed", SOON, || {
        (daemon.watchdog_feeds() > 1).then_some(())
    });
    fed.unwrap();
    assert!(
        daemon.status().contains("no camera is connected"),
        "{}",
        daemon.status()
    );
    assert!(daemon.stop().unwrap().success());
}

#[test]
fn bad_settings_end_it_with_78_and_the_place() {
    let stage = Stage::new();
    for (settings, says) in [
        ("fps = 3", "unknown field `fps`"),
        ("rate = \"fast\"", "line 1"),
        (
            "[camera.a]\nsource = \"rtsp://u:secret@h/x\"",
            "credentials",
        ),
        (
            "[camera.a]\nsource = \"synthetic\"\ncredentials = \"/x\"",
            "only a network camera",
        ),
    ] {
        let mut daemon = stage
            .rig
            .daemon("camera")
            .settings(settings)
            .launch()
            .unwrap();
        let status = until("it ends", SOON, || daemon.child().ended()).unwrap();
        assert_eq!(status.code(), Some(78), "{settings}");
        assert!(daemon.log().contains(says), "{settings}: {}", daemon.log());
        assert!(daemon.log().contains("50-rig.toml"), "{}", daemon.log());
    }
}

#[tokio::test]
async fn wrong_arguments_get_the_error_that_fits() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", WEBCAM);
    let _daemon = stage.start(
        "[camera.front]\nsource = \"usb:1\"\n[camera.none]\nsource = \"usb:9\"\n[camera.demo]\nsource = \"synthetic\"",
    );
    let client = stage.client().await;
    client.state("front", "streaming").await;
    let (front, none) = (client.camera("front").await, client.camera("none").await);
    let error = |result: Result<(), vigla_bus::zbus::Error>| result.unwrap_err().to_string();
    let open = front.open("rgb", HashMap::new()).await.map(drop);
    assert!(error(open).contains("InvalidArgument"));
    let options = HashMap::from([("wakeups", Variant::from("yes"))]);
    assert!(error(front.open("jpeg", options).await.map(drop)).contains("InvalidArgument"));
    assert!(error(none.open("jpeg", HashMap::new()).await.map(drop)).contains("NotReady"));
    assert!(error(front.set_control("colour", 1).await).contains("NotFound"));
    for value in [-1, 256, i64::MAX, i64::MIN] {
        assert!(error(front.set_control("brightness", value).await).contains("InvalidArgument"));
    }
    assert!(error(front.set_control("gain", 52).await).contains("steps of 5"));
    assert!(error(none.set_control("gain", 10).await).contains("NotReady"));
    let demo = client.camera("demo").await;
    assert!(error(demo.set_control("gain", 10).await).contains("NotFound"));
    assert!(demo.list_controls().await.unwrap().is_empty());
}

#[tokio::test]
async fn controls_are_listed_and_turned_while_pictures_flow() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", WEBCAM);
    let _daemon = stage.start("[camera.front]\nsource = \"usb:1\"");
    let client = stage.client().await;
    let mut reader = client.reader("front", "native").await;
    let front = client.camera("front").await;
    let names: Vec<_> = front
        .list_controls()
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.name)
        .collect();
    // The region of interest is no number, and no reason to fall over either.
    assert_eq!(names, ["brightness", "white-balance-automatic", "gain"]);
    front.set_control("brightness", 200).await.unwrap();
    let brightness = front.list_controls().await.unwrap().remove(0);
    assert_eq!(
        (brightness.value, brightness.default, brightness.maximum),
        (200, 128, 255)
    );
    frame(&mut reader);
}

#[tokio::test]
async fn after_a_kill_frame_ids_go_on_rising() {
    let stage = Stage::new();
    stage.kernel.plug("video0", "1", "", WEBCAM);
    let settings = "[camera.front]\nsource = \"usb:1\"";
    let daemon = stage.start(settings);
    let client = stage.client().await;
    let mut reader = client.reader("front", "native").await;
    let last = frame(&mut reader).0.frame_id;
    daemon.kill().unwrap();
    let gone = until("the ring hangs up", SOON, || {
        matches!(
            reader.wait(std::time::Duration::from_millis(10)),
            Ok(vigla_frames::Wait::WriterGone)
        )
        .then_some(())
    });
    gone.unwrap();
    let _daemon = stage.start(settings);
    let mut reader = client.reader("front", "native").await;
    assert!(frame(&mut reader).0.frame_id > last);
}
