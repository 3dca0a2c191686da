//! The way into a fleet as the page sees it: what everybody may read, what the owner sees and asks for.

use serde_json::json;
use vigla_bus::enrolment::{Check, Mistake};
use vigla_testkit::peers::{Peer, Way};

use crate::secure::Secure;
use crate::stage::Stage;
use crate::updater::post;

#[test]
fn a_machine_that_nobody_takes_anywhere_says_so() {
    let stage = Stage::set();
    let seen = stage.json("/api/v1/enrolment");
    let nothing = json!({"present": false, "tone": "", "sentence": "", "next_usec": 0});
    assert_eq!(seen, nothing);
    let refused = post(&stage, "/api/v1/enrolment/retry", "");
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().contains("vigla-enrolment"),
        "{}",
        refused.text()
    );
}

#[test]
fn the_owner_reads_where_the_node_is_and_tries_and_checks() {
    let stage = Stage::set();
    let way = Way::default();
    way.at("wait-operator", "bad-file", 0);
    way.lock().mistakes = vec![Mistake {
        line: 4,
        what: "the address does not begin with `https://`".into(),
        fix: "write it so".into(),
    }];
    let _peer = Peer::enrolment(&stage.rig, &way).unwrap();
    let seen = stage.json("/api/v1/enrolment");
    assert_eq!(
        (&seen["tone"], &seen["mistakes"][0]["line"]),
        (&json!("bad"), &json!(4))
    );
    let said = seen["sentence"].as_str().unwrap();
    assert_eq!(
        said,
        vigla_bus::enrolment::told("wait-operator", "bad-file")
    );

    way.at("confirmed", "", 7);
    let seen = stage.json("/api/v1/enrolment");
    assert_eq!(seen["tone"], "good");
    assert_eq!(seen["sentence"], "The node belongs to its fleet.");
    assert_eq!(seen["registrar"], "https://enrol.example:8443");

    assert_eq!(post(&stage, "/api/v1/enrolment/retry", "").status, 204);
    assert_eq!(way.lock().retries, 1);
    way.lock().checks = vec![Check {
        name: "dns".into(),
        result: "failed".into(),
        ..Check::default()
    }];
    let checks = post(&stage, "/api/v1/enrolment/check", "").json();
    assert_eq!(checks["checks"][0]["name"], "dns");
}

#[test]
fn a_viewer_reads_the_sentence_and_no_more() {
    let stage = Stage::networked("");
    let way = Way::default();
    way.at("key-ready", "no-route", 9);
    let _peer = Peer::enrolment(&stage.rig, &way).unwrap();
    let secure = Secure::of(&stage);
    let owner = secure.set_up(&stage);
    let viewer = secure.viewer(&owner);
    let seen = secure.get("/api/v1/enrolment", &viewer).json();
    assert_eq!(
        seen,
        json!({
            "present": true, "tone": "under", "next_usec": 9,
            "sentence": vigla_bus::enrolment::told("key-ready", "no-route"),
        })
    );
    assert_eq!(secure.get("/api/v1/enrolment", "").status, 401);
}
