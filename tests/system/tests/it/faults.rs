//! Daemons and peers are taken away while frames flow; the others go on and are whole again.

use std::time::{Duration, Instant};

use vigla_system_tests::{Scene, Site};

const PATIENCE: Duration = Duration::from_secs(30);

/// Kills `noun`, checks that the others say so and stay, brings it back, and waits for the whole.
fn killed_and_back(noun: &str) {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    site.kill(noun).unwrap();
    if noun != "gateway" {
        let state = site
            .wait("the page says degraded", PATIENCE, |s| {
                s["sentence"]["state"] == "degraded"
            })
            .unwrap();
        let problems = state["problems"].to_string();
        assert!(
            problems.contains("no-peer") && problems.contains(noun),
            "{problems}"
        );
    }
    assert_eq!(site.fallen(), Vec::<String>::new());
    site.bring(noun).unwrap();
    let back = Instant::now();
    let state = site.whole().unwrap();
    // Printed, not asserted: the goal is 2 s, and a loaded machine is no bug.
    println!(
        "whole {} ms after the restart of {noun}",
        back.elapsed().as_millis()
    );
    assert_eq!(state["cameras"][0]["state"], "streaming");
    assert_eq!(site.fallen(), Vec::<String>::new());
}

#[test]
fn the_camera_service_is_killed() {
    killed_and_back("camera");
}

#[test]
fn the_detector_is_killed() {
    killed_and_back("detector");
}

#[test]
fn the_metrics_service_is_killed() {
    killed_and_back("metrics");
}

#[test]
fn the_gateway_is_killed() {
    killed_and_back("gateway");
}

#[test]
fn the_broker_goes_and_comes_back() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    site.broker.go_away().unwrap();
    let state = site
        .wait("the page says why", PATIENCE, |s| {
            s["problems"].to_string().contains("no-broker")
        })
        .unwrap();
    assert_eq!(state["sentence"]["state"], "degraded");
    site.broker.come_back().unwrap();
    site.whole().unwrap();
    let account = site.wait("the account adds up", PATIENCE, |s| {
        let n = |key: &str| s["sinks"][0][key].as_u64().unwrap_or(0);
        n("accepted") > 0 && n("accepted") == n("sent") + n("stored") + n("dropped")
    });
    account.unwrap();
}

#[test]
fn daemons_start_in_any_order_and_alone() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    for noun in ["camera", "detector", "metrics"] {
        site.kill(noun).unwrap();
    }
    site.wait("the lonely gateway answers", PATIENCE, |s| {
        s["sentence"]["state"] == "degraded"
    })
    .unwrap();
    for noun in ["metrics", "detector", "camera"] {
        site.bring(noun).unwrap();
    }
    site.whole().unwrap();
}

#[test]
fn every_daemon_ends_when_asked_and_feeds_its_watchdog_until_then() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    for noun in ["camera", "detector", "metrics", "gateway"] {
        let status = site
            .daemon(noun)
            .unwrap()
            .child()
            .stop(Duration::from_secs(12))
            .unwrap();
        assert!(status.success(), "{noun}: {status}");
    }
}
