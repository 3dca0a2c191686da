//! What the detector sees and what comes of it at the broker: the real binary between stand-ins and
//! a real mosquitto.

use serde_json::Value;
use vigla_testkit::peers::{self, sample};
use vigla_testkit::{Broker, Daemon, Who, free_port, until};

use super::bus::ask;
use super::life::{settings, start, start_with};
use super::listener::{Listener, PATIENCE};
use super::node::Node;
use super::schemas;

/// Shows a frame a second or more often until the listener hears what `fits`.
fn see_until(
    daemon: &Daemon,
    node: &Node,
    next: &mut u64,
    what: &str,
    mut fits: impl FnMut() -> bool,
) {
    until(what, PATIENCE, || {
        *next += 1;
        node.see(&sample::frame("front", *next, &[("car", 2), ("person", 1)]));
        node.see(&sample::frame("back", *next, &[("car", 1), ("person", 0)]));
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
    let rig = peers::rig().unwrap();
    let broker = Broker::start(rig.dir(), free_port().unwrap(), "").unwrap();
    let listener = Listener::on(broker.port());
    let node = Node::start(&rig, &["front", "back"]);
    let daemon = start(&rig, broker.port());
    let mut next = 0;
    let heard = |end: &str, text: &str| {
        listener
            .all()
            .iter()
            .any(|h| h.topic.ends_with(end) && h.text.contains(text))
    };
    see_until(&daemon, &node, &mut next, "the sum of cars", || {
        heard("demo/car_count", "\"car_count\":\"3\"")
    });
    see_until(&daemon, &node, &mut next, "the sum of people", || {
        heard("demo/person_count", "\"person_count\":\"1\"")
    });
    see_until(&daemon, &node, &mut next, "counts of both", || {
        heard("/front/counts", "") && heard("/back/counts", "")
    });
    assert_eq!((node.readers("front"), node.readers("back")), (1, 1));

    node.report(sample::event(1, "front"));
    node.list(sample::event(2, "front")); // the detector signals one a second, and lists the rest
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
    see_until(&daemon, &node, &mut next, "both events", || ids() == [1, 2]);
    see_until(&daemon, &node, &mut next, "what was in view", || {
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
    let rig = peers::rig().unwrap();
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
        let node = Node::start(&rig, &["front", "back"]);
        let mut next = 100 * round;
        let about = |h: &super::listener::Heard| -> Option<u64> {
            let value: Value = serde_json::from_str(&h.text).ok()?;
            value["frame_id"]
                .as_u64()
                .filter(|id| h.topic.ends_with("/front/counts") && *id > 100 * round)
        };
        see_until(&daemon, &node, &mut next, "counts again", || {
            listener.all().iter().any(|h| about(h).is_some())
        });
        node.report(sample::event(1, "front"));
        let events = || {
            listener
                .all()
                .iter()
                .filter(|h| h.topic.ends_with("/events"))
                .count()
        };
        see_until(&daemon, &node, &mut next, "the event of this round", || {
            events() == usize::try_from(round).unwrap()
        });
        until("whole", PATIENCE, || {
            (!daemon.status().contains("degraded")).then_some(())
        })
        .unwrap();
        drop(node);
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
    let rig = peers::rig().unwrap();
    let node = Node::start(&rig, &["front", "back"]);
    let daemon = start(&rig, free_port().unwrap());
    until("it reads", PATIENCE, || {
        (node.readers("front") > 0).then_some(())
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
        node.say("front", bytes);
        until("it is counted", PATIENCE, || {
            count().filter(|n| *n > before)
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", daemon.log()));
    }
}

#[test]
fn a_counter_of_what_is_not_counted_is_a_problem() {
    let rig = peers::rig().unwrap();
    let _node = Node::start(&rig, &["front"]);
    let settings = settings(free_port().unwrap()) + "[legacy]\nlabels = [\"car\", \"unicorn\"]\n";
    let daemon = start_with(&rig, &settings);
    until("the problem", PATIENCE, || {
        daemon.status().contains("unicorn").then_some(())
    })
    .unwrap();
    assert!(!daemon.status().contains("car`"), "{}", daemon.status());
}
