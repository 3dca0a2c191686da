//! Versions, updates, the owner's file and the reset: what the owner sees and does, and nobody else.

use serde_json::json;
use vigla_bus::updater::{HistoryEntry, Release, Slot};
use vigla_testkit::peers::{Board, Peer};
use vigla_testkit::until;

use crate::client::{Answer, raw};
use crate::login::readable;
use crate::pictures::small_jpeg;
use crate::secure::Secure;
use crate::stage::{PATIENCE, Stage};

/// A form that a page of this machine sends.
pub(crate) fn post(stage: &Stage, path: &str, form: &str) -> Answer {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
        form.len(),
        port = stage.port,
    );
    raw(stage.port, request.as_bytes()).unwrap()
}

fn asked(board: &Board) -> Vec<String> {
    std::mem::take(&mut board.lock().asked)
}

fn device(settings: &str) -> (Stage, Board, Peer) {
    let stage = Stage::with(&small_jpeg(), settings);
    let board = Board::default();
    let peer = Peer::updater(&stage.rig, &board).unwrap();
    (stage, board, peer)
}

#[test]
fn a_machine_without_an_updater_shows_its_version_and_changes_nothing() {
    let stage = Stage::set();
    let seen = stage.json("/api/v1/update");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        seen,
        json!({"present": false, "running": version, "may_change": false})
    );
    let refused = post(&stage, "/api/v1/update/rollback", "");
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().contains("vigla-updater"),
        "{}",
        refused.text()
    );
}

#[test]
fn the_owner_sees_slots_job_and_dossiers() {
    let (stage, board, _peer) = device("");
    let slot = Slot {
        name: "A".into(),
        version: "1.1.0".into(),
        state: "running".into(),
        ..Slot::default()
    };
    let fell = HistoryEntry {
        event: "fell-back".into(),
        version: "1.2.0".into(),
        dossier: r#"{"checks": [{"name": "counting", "state": "failed"}]}"#.into(),
        ..HistoryEntry::default()
    };
    {
        let mut shown = board.lock();
        shown.slots = vec![slot];
        shown.history = vec![fell];
        shown.job = (
            3,
            "over".into(),
            1.0,
            "1.2.0".into(),
            "older".into(),
            "1.0.0".into(),
        );
    }
    let seen = stage.json("/api/v1/update");
    assert_eq!(
        (&seen["running"], &seen["may_change"]),
        (&json!("1.1.0"), &json!(true))
    );
    assert_eq!(seen["slots"][0]["state"], "running");
    let what = seen["job"]["what"].as_str().unwrap();
    assert!(what.contains("`1.0.0`, which is older"), "{what}");
    assert_eq!(
        seen["history"][0]["dossier"]["checks"][0]["name"],
        "counting"
    );
}

#[test]
fn the_owner_orders_and_what_is_refused_is_said() {
    let (stage, board, _peer) = device("");
    board.lock().releases = vec![Release {
        version: "1.2.0".into(),
        verdict: "newer".into(),
        ..Release::default()
    }];
    let found = post(&stage, "/api/v1/update/check", "").json();
    assert_eq!(found["releases"][0]["verdict"], "newer");
    for (path, form) in [
        ("/api/v1/update/install", "source=feed"),
        (
            "/api/v1/update/install",
            "source=https%3A%2F%2Fa.example%2Fx.raucb&when=window",
        ),
        ("/api/v1/update/cancel", ""),
        ("/api/v1/update/rollback", ""),
        ("/api/v1/reset", "confirm=reset"),
    ] {
        let answer = post(&stage, path, form);
        assert_eq!(answer.status, 204, "{path}: {}", answer.text());
    }
    assert_eq!(
        asked(&board),
        [
            "check",
            "install feed ",
            "install https://a.example/x.raucb when",
            "cancel",
            "rollback",
            "reset page",
        ]
    );
    for (path, form) in [
        ("/api/v1/update/install", "source=%2Fetc%2Fshadow"),
        ("/api/v1/update/install", ""),
        ("/api/v1/reset", ""),
        ("/api/v1/reset", "confirm=yes"),
    ] {
        assert_eq!(post(&stage, path, form).status, 400, "{path} {form}");
    }
    board.lock().busy = true;
    let refused = post(&stage, "/api/v1/reset", "confirm=reset");
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("a bundle is being installed"),
        "{}",
        refused.text()
    );
    assert_eq!(asked(&board), Vec::<String>::new());
}

const ORDERS: [&str; 7] = [
    "/api/v1/update/check",
    "/api/v1/update/install",
    "/api/v1/update/cancel",
    "/api/v1/update/rollback",
    "/api/v1/enrolment/retry",
    "/api/v1/enrolment/check",
    "/api/v1/reset",
];

#[test]
fn no_other_page_and_nobody_but_the_owner_orders_anything() {
    let stage = Stage::networked("");
    let board = Board::default();
    let _peer = Peer::updater(&stage.rig, &board).unwrap();
    let secure = Secure::of(&stage);
    let owner = secure.set_up(&stage);
    let viewer = secure.viewer(&owner);
    let origin = format!("Origin: https://localhost:{}\r\n", stage.tls_port);
    let evil = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    for path in ORDERS {
        let ask = |headers: &str| secure.ask("POST", path, headers).status;
        assert_eq!(ask(&origin), 401, "{path}: a stranger");
        assert_eq!(ask(&format!("{origin}{viewer}")), 403, "{path}: a viewer");
        assert_eq!(ask(&format!("{evil}{owner}")), 403, "{path}: another site");
        assert_eq!(ask(&owner), 403, "{path}: no page");
        assert_eq!(
            secure.ask("GET", path, &owner).status,
            if path == "/api/v1/reset" { 200 } else { 405 }
        );
    }
    for path in ["/api/v1/site", "/api/v1/reset"] {
        assert_eq!(secure.get(path, "").status, 401, "{path}");
        assert_eq!(secure.get(path, &viewer).status, 403, "{path}");
    }
    assert_eq!(secure.get("/api/v1/update", "").status, 401);
    let seen = secure.get("/api/v1/update", &viewer).json();
    assert_eq!(
        seen,
        json!({"present": true, "running": "1.1.0", "may_change": false})
    );
    assert_eq!(
        secure.get("/api/v1/update", &owner).json()["may_change"],
        true
    );
    assert_eq!(asked(&board), Vec::<String>::new());
}

#[test]
fn mistakes_in_the_owners_file_are_a_problem_and_their_text_is_the_owners() {
    let findings = json!({
        "found": true, "changed": true, "name": "yard",
        "mistakes": [{"line": 7, "what": "unknown key `sekret`", "fix": "did you mean `ssid`?"}],
        "troubles": [],
    });
    let (_dir, path) = readable(&findings.to_string());
    let stage = Stage::networked(&format!("site = \"{}\"\n", path.display()));
    let secure = Secure::of(&stage);
    let owner = secure.set_up(&stage);
    let viewer = secure.viewer(&owner);
    let seen = until("the problem is known", PATIENCE, || {
        let seen = secure.get("/api/v1/state", &viewer).text();
        seen.contains("site-mistake").then_some(seen)
    })
    .unwrap();
    assert!(seen.contains("line 7"), "{seen}");
    assert!(!seen.contains("sekret"), "{seen}");
    assert!(!stage.get("/").text().contains("sekret"));
    let told = secure.get("/api/v1/site", &owner).json();
    assert_eq!(told["mistakes"], findings["mistakes"]);
    assert_eq!(secure.get("/api/v1/site", &viewer).status, 403);
}
