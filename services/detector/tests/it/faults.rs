//! What goes wrong around the detector: broken pictures, a camera that dies, hostile callers.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use vigla_bus::zbus::Variant;
use vigla_testkit::Rig;

use crate::bench::{Bench, PATIENCE, rig};
use crate::camera::{self, Script};
use crate::scene;

/// Whether this frame of a broken camera is broken: every third one, so that an eye that takes every second frame
/// meets both kinds.
pub(crate) fn is_broken(id: u64) -> bool {
    id % 3 == 1
}

/// One of many ways in which a picture can be wrong.
pub(crate) fn broken(id: u64) -> Vec<u8> {
    let whole = scene::picture(id);
    match id / 3 % 7 {
        0 => Vec::new(),
        1 => whole[..40].to_vec(),
        2 => vec![0xff; 3000],
        3 => scene::with_truth("[{\"label\":"),
        4 => scene::with_truth(r#"[{"label":"car","box":[2,0,-1,1]}]"#),
        5 => crate::clip::grey().to_vec(),
        _ => whole.iter().rev().copied().collect(),
    }
}

async fn metric(rig: &Rig, name: &str) -> f64 {
    let socket = rig.run_dir().join("detector/metrics.sock");
    let page = vigla_kit::metrics::scrape(&socket).await.unwrap();
    let lines = page.lines().filter(|line| line.starts_with(name));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

#[tokio::test]
async fn broken_pictures_are_counted_and_the_next_good_one_is_seen() {
    let mut bench = Bench::start(Script::Broken, "").await;
    let mut records = bench.records().await;
    for record in records.take(20).await {
        let blind = record.basis == "no-model";
        assert!(blind || !is_broken(record.frame_id), "{record:?}");
    }
    records.find(|record| record.counts["car"] > 0).await;
    let reason = r#"vigla_detector_frame_errors_total{camera="front",reason="truth"}"#;
    assert!(metric(&bench.rig, reason).await > 0.0);
    assert!(bench.daemon.child().ended().is_none());
}

#[tokio::test]
async fn a_camera_that_dies_and_returns_is_looked_at_again() {
    let mut bench = Bench::start(Script::Truth, "").await;
    let mut records = bench.records().await;
    let before = records.next().await;
    bench.camera.kill().unwrap();
    bench.problem("no-peer").await;
    bench.camera = camera::start(&bench.rig, Script::Truth);
    // The same reader: consumers of detections do not notice more than a pause.
    let after = records.find(|record| record.time_usec > before.time_usec + 100_000);
    let after = after.await;
    assert_eq!(after.basis, "truth");
    assert!(after.arrivals["car"] >= before.arrivals["car"]);
    bench.problem("").await;
}

#[tokio::test]
async fn its_watchdog_is_fed_without_cameras() {
    let rig = rig();
    let daemon = rig.daemon("detector").env("WATCHDOG_USEC", "4000000");
    let daemon = daemon.start().unwrap();
    let first = daemon.watchdog_feeds();
    vigla_testkit::until("a feed", PATIENCE, || {
        (daemon.watchdog_feeds() > first).then_some(())
    })
    .unwrap();
    assert!(daemon.stop().unwrap().success());
}

#[tokio::test]
async fn hostile_arguments_are_refused_with_a_name() {
    let mut bench = Bench::start(Script::Truth, "").await;
    bench.records().await;
    let detector = &bench.detector;
    let strategy = (
        ".{0,40}",
        ".{0,10}",
        any::<u64>(),
        any::<u32>(),
        any::<i64>(),
    );
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..60 {
        let tree = strategy.new_tree(&mut runner).unwrap();
        let (text, version, id, limit, number) = tree.current();
        let (text, version) = (text.replace('\0', ""), version.replace('\0', ""));
        named(detector.open(&text, HashMap::new()).await.err());
        let options = HashMap::from([("wakeups", Variant::from(number))]);
        named(detector.open("front", options).await.err());
        named(detector.event_picture(id | 1 << 40).await.err());
        named(detector.load_model(&text, &version).await.err());
        let events = detector.list_events(id, limit).await;
        assert_eq!(events.is_ok(), (1..=500).contains(&limit));
        named(events.err());
    }
    assert!(bench.daemon.child().ended().is_none());
    let one_more = bench.records().await.next().await;
    assert_eq!(one_more.basis, "truth");
}

/// Whatever is refused is refused with one of our errors, never with a lost connection.
fn named(error: Option<vigla_bus::zbus::Error>) {
    let Some(error) = error else {
        return;
    };
    let vigla_bus::zbus::Error::MethodError(name, ..) = &error else {
        panic!("{error:?}");
    };
    assert!(name.starts_with("org.vigla.Error."), "{error:?}");
}
