//! The real binary on a private bus with the shipped policy, a real broker, and fake peers.

use serde_json::Value;
use vigla_testkit::{Broker, Daemon, Rig, Who, free_port, until};

use super::bus::ask;
use super::listener::{Listener, PATIENCE};
use super::peers::{Peers, event, frame, rig};
use super::schemas;

fn settings(port: u16) -> String {
    format!("broker = \"127.0.0.1:{port}\"\nlongest_wait = \"1s\"\n")
}

fn start(rig: &Rig, port: u16) -> Daemon {
    start_with(rig, &settings(port))
}

fn start_with(rig: &Rig, settings: &str) -> Daemon {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_vigla-metrics"));
    rig.daemon("metrics")
        .binary(binary)
        .settings(settings)
        .arg("-v")
        .env("WATCHDOG_USEC", "2000000")
        .start()
        .unwrap()
}

/// Shows a frame a second or more often until the listener hears what `fits`.
fn see_until(
    daemon: &Daemon,
    peers: &mut Peers,
    next: &mut u64,
    what: &str,
    mut fits: impl FnMut() -> bool,
) {
    until(what, PATIENCE, || {
        *next += 1;
        peers.see(&frame("front", *next, &[("car", 2), ("person", 1)]));
        peers.see(&frame("back", *next, &[("car", 1), ("person", 0)]));
        fits().then_some(())
    })
    .unwrap_or_else(|error| {
        panic!(
            "{error}
{}",
            daemon.log()
        )
    });
}

#[test]
fn counts_events_and_documents_reach_the_broker_and_a_kill_leaves_the_last_will() {
    let rig = rig();
    let broker = Broker::start(rig.dir(), free_port().unwrap(), "").unwrap();
    let listener = Listener::on(broker.port());
    let mut peers = Peers::start(&rig, &["front", "back"]);
    let daemon = start(&rig, broker.port());
    let mut next = 0;
    let heard = |end: &str, text: &str| {
        listener
            .all()
            .iter()
            .any(|h| h.topic.ends_with(end) && h.text.contains(text))
    };
    see_until(&daemon, &mut peers, &mut next, "the sum of cars", || {
        heard("demo/car_count", "\"car_count\":\"3\"")
    });
    see_until(&daemon, &mut peers, &mut next, "the sum of people", || {
        heard("demo/person_count", "\"person_count\":\"1\"")
    });
    see_until(&daemon, &mut peers, &mut next, "counts of both", || {
        heard("/front/counts", "") && heard("/back/counts", "")
    });
    assert_eq!((peers.readers("front"), peers.readers("back")), (1, 1));

    peers.report(event(1, "front"));
    peers.list(event(2, "front")); // the detector signals one a second, and lists the rest
    let ids = || -> Vec<u64> {
        let events = listener
            .all()
            .into_iter()
            .filter(|h| h.topic.ends_with("/events"));
        events
            .map(|h| {
                serde_json::from_str::<Value>(&h.text).unwrap()["event"]["id"]
                    .as_u64()
                    .unwrap()
            })
            .collect()
    };
    see_until(&daemon, &mut peers, &mut next, "both events", || {
        ids() == [1, 2]
    });
    see_until(&daemon, &mut peers, &mut next, "what was in view", || {
        heard("/front/detections", "\"objects\":[{")
    });
    assert!(
        !heard("/back/detections", ""),
        "nothing happened at the back"
    );
    listener.wait("a document", |h| {
        h.topic.starts_with("homeassistant/sensor/") && h.topic.ends_with("/front_car/config")
    });

    let ours = listener
        .all()
        .into_iter()
        .filter(|h| !h.topic.starts_with("homeassistant"));
    for heard in ours.filter(|h| !h.topic.ends_with("/availability")) {
        schemas::check(
            schemas::name_of(&heard.topic),
            &serde_json::from_str(&heard.text).unwrap(),
        );
    }
    listener.wait_text("/availability", "online");
    daemon.kill().unwrap();
    listener.wait_text("/availability", "offline");
}

#[test]
fn a_detector_that_restarts_is_counted_again() {
    let rig = rig();
    let broker = Broker::start(rig.dir(), free_port().unwrap(), "").unwrap();
    let listener = Listener::on(broker.port());
    let daemon = start(&rig, broker.port());
    until("degraded", PATIENCE, || {
        daemon
            .status()
            .contains("`vigla-detector` is not running")
            .then_some(())
    })
    .unwrap();
    for round in 1..=2_u64 {
        let mut peers = Peers::start(&rig, &["front", "back"]);
        let mut next = 100 * round;
        let about = |h: &super::listener::Heard| -> Option<u64> {
            let value: Value = serde_json::from_str(&h.text).ok()?;
            value["frame_id"]
                .as_u64()
                .filter(|id| h.topic.ends_with("/front/counts") && *id > 100 * round)
        };
        see_until(&daemon, &mut peers, &mut next, "counts again", || {
            listener.all().iter().any(|h| about(h).is_some())
        });
        peers.report(event(1, "front"));
        let events = || {
            listener
                .all()
                .iter()
                .filter(|h| h.topic.ends_with("/events"))
                .count()
        };
        see_until(
            &daemon,
            &mut peers,
            &mut next,
            "the event of this round",
            || events() == usize::try_from(round).unwrap(),
        );
        until("whole", PATIENCE, || {
            (!daemon.status().contains("degraded")).then_some(())
        })
        .unwrap();
        drop(peers);
        until("degraded", PATIENCE, || {
            daemon
                .status()
                .contains("`vigla-detector` is not running")
                .then_some(())
        })
        .unwrap();
    }
    assert!(
        daemon.watchdog_feeds() > 0,
        "the counting loop feeds the watchdog"
    );
}

#[test]
fn a_record_that_cannot_be_read_is_counted_and_left_out() {
    let rig = rig();
    let mut peers = Peers::start(&rig, &["front", "back"]);
    let daemon = start(&rig, free_port().unwrap());
    until("it reads", PATIENCE, || {
        (peers.readers("front") > 0).then_some(())
    })
    .unwrap();
    let line = "vigla_metrics_bad_records_total ";
    for bytes in [
        &b"{"[..],
        b"",
        b"null",
        &[0xff; 300],
        b"{\"camera_id\":\"back\"}",
    ] {
        let count = || -> Option<u64> {
            let page = ask(&rig, Who::Me, "org.vigla.Metrics1", "Gather", &[]).ok()?;
            page.lines()
                .find_map(|found| found.trim().strip_prefix(line)?.parse().ok())
        };
        let before = count().unwrap();
        peers.say("front", bytes);
        until("it is counted", PATIENCE, || {
            count().filter(|n| *n > before)
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", daemon.log()));
    }
}

#[test]
fn a_counter_of_what_is_not_counted_is_a_problem() {
    let rig = rig();
    let _peers = Peers::start(&rig, &["front"]);
    let settings = settings(free_port().unwrap()) + "[legacy]\nlabels = [\"car\", \"unicorn\"]\n";
    let daemon = start_with(&rig, &settings);
    until("the problem", PATIENCE, || {
        daemon.status().contains("unicorn").then_some(())
    })
    .unwrap();
    assert!(!daemon.status().contains("car`"), "{}", daemon.status());
}

#[test]
fn a_clean_end_says_stopped_and_exits_0() {
    let rig = rig();
    let broker = Broker::start(rig.dir(), free_port().unwrap(), "").unwrap();
    let listener = Listener::on(broker.port());
    let daemon = start(&rig, broker.port());
    listener.wait_text("/availability", "online");
    let status = daemon.stop().unwrap();
    assert!(status.success(), "{status}");
    listener.wait_text("/availability", "stopped");
    assert!(!listener.all().iter().any(|heard| heard.text == "offline"));
}

#[test]
fn without_any_broker_it_runs_says_so_and_ends_when_asked() {
    let rig = rig();
    let daemon = start(&rig, free_port().unwrap());
    until("degraded", PATIENCE, || {
        daemon.status().contains("does not answer").then_some(())
    })
    .unwrap();
    assert!(daemon.stop().unwrap().success());
}

#[test]
fn bad_settings_exit_78_with_file_and_line() {
    let rig = Rig::start().unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_vigla-metrics"));
    let mut daemon = rig
        .daemon("metrics")
        .binary(binary)
        .settings("\nbroker = 5")
        .launch()
        .unwrap();
    let status = daemon.child().wait(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(78), "{}", daemon.log());
    assert!(
        daemon.log().contains("50-rig.toml` line 2"),
        "{}",
        daemon.log()
    );
}
