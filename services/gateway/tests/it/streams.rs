//! Pictures: paired, newest, burned in, and only while somebody looks.

use vigla_testkit::until;

use crate::{
    client::Stream,
    pictures::{large_jpeg, small_jpeg},
    stage::{PATIENCE, Stage},
};

#[test]
fn live_pairs_each_frame_with_its_own_detections() {
    let stage = Stage::set();
    let mut live = Stream::open(stage.port, "/api/v1/cameras/front/live");
    assert_eq!(live.kind, "multipart/mixed; boundary=vigla");
    let mut last = 0;
    for _ in 0..10 {
        let (record, picture) = (live.part().unwrap(), live.part().unwrap());
        assert_eq!(record.header("content-type"), "application/json");
        assert_eq!(picture.header("content-type"), "image/jpeg");
        assert_eq!(record.frame(), picture.frame());
        assert_eq!(record.header("x-timestamp"), picture.header("x-timestamp"));
        let json: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
        assert_eq!(json["frame_id"], picture.frame());
        assert_eq!(json["basis"], "inferred");
        assert_eq!(picture.body, small_jpeg());
        assert!(picture.frame() > last);
        last = picture.frame();
    }
}

#[test]
fn mjpeg_and_snapshots_speak_the_dialects_of_others() {
    let stage = Stage::set();
    for path in [
        "/stream",
        "/?action=stream",
        "/stream?fps=50&key=1234",
        "/cameras/yard/stream",
        "/camera_frame_feed/0",
        "/camera_frame_feed/2",
    ] {
        let mut stream = Stream::open(stage.port, path);
        assert_eq!(
            stream.kind, "multipart/x-mixed-replace;boundary=vigla",
            "{path}"
        );
        let (first, second) = (stream.part().unwrap(), stream.part().unwrap());
        assert_eq!(first.body, small_jpeg());
        let seconds: f64 = second.header("x-timestamp").parse().unwrap();
        assert!(seconds > 1.6e9);
        assert!(second.frame() > first.frame());
    }
    for path in [
        "/snapshot",
        "/?action=snapshot",
        "/cameras/yard/snapshot",
        "/snapshot?camera=yard",
    ] {
        let picture = stage.get(path);
        assert_eq!(picture.header("content-type"), Some("image/jpeg"), "{path}");
        assert_eq!(picture.body, small_jpeg());
        assert!(picture.header("x-timestamp").is_some());
    }
    assert_eq!(stage.get("/camera_list").text(), "front+front,yard");
    for path in [
        "/cameras/nobody/stream",
        "/camera_frame_feed/3",
        "/snapshot?camera=x",
        "/api/v1/cameras/x/live",
    ] {
        assert_eq!(stage.get(path).status, 404, "{path}");
    }
}

#[test]
fn boxes_are_burned_in_only_when_asked() {
    let stage = Stage::with(&large_jpeg(), "");
    let plain = stage.get("/snapshot?boxes=0");
    assert_eq!(plain.body, large_jpeg());
    let burned = stage.get("/snapshot?boxes=1");
    assert_eq!(burned.status, 200);
    let image = turbojpeg::decompress(&burned.body, turbojpeg::PixelFormat::RGB).unwrap();
    assert_eq!((image.width, image.height), (640, 480));
    let at = 300 * image.pitch + 128 * 3;
    let [r, g, b] = [image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]];
    assert!(g > r + 50 && g > b + 30, "a green edge: {r} {g} {b}");
    let metrics = stage.get("/metrics").text();
    assert!(metrics.contains("vigla_gateway_burned_pictures_total"));
    assert_eq!(stage.get("/snapshot?boxes=perhaps").status, 400);
}

#[test]
fn rings_are_open_only_while_somebody_looks() {
    let stage = Stage::set();
    assert_eq!(stage.picture_readers("front"), 0);
    let streams: Vec<_> = (0..3)
        .map(|_| Stream::open(stage.port, "/stream"))
        .collect();
    until("one reader for all", PATIENCE, || {
        (stage.picture_readers("front") == 1).then_some(())
    })
    .unwrap();
    assert_eq!(stage.picture_readers("yard"), 0);
    drop(streams);
    until("nobody looks", PATIENCE, || {
        (stage.picture_readers("front") == 0).then_some(())
    })
    .unwrap();
}

#[test]
fn a_slow_client_gets_the_newest_and_no_backlog() {
    let stage = Stage::with(&large_jpeg(), "");
    let mut slow = Stream::open(stage.port, "/stream");
    slow.part().unwrap();
    // Meanwhile the slow client reads nothing, and two hundred pictures of 300 kB are shown.
    let resume = stage.newest_frame() + 200;
    until("many frames pass", PATIENCE, || {
        (stage.newest_frame() >= resume).then_some(())
    })
    .unwrap();
    let before = stage.newest_frame();
    // What lies in the two kernels' buffers is old; it is a few pictures at most.
    let mut old = 0;
    while slow.part().unwrap().frame() < before {
        old += 1;
        assert!(old <= 24, "a backlog of {old} pictures");
    }
}

#[test]
fn a_slower_rate_is_kept() {
    let stage = Stage::set();
    let mut stream = Stream::open(stage.port, "/stream?fps=5");
    let frames: Vec<_> = (0..4).map(|_| stream.part().unwrap().frame()).collect();
    // 40 a second are shown, so 5 a second are every eighth.
    assert!(frames[3] - frames[1] >= 8, "{frames:?}");
    for fps in ["0", "-1", "nan", "1e9", "fast"] {
        assert_eq!(
            stage.get(&format!("/stream?fps={fps}")).status,
            400,
            "{fps}"
        );
    }
}
