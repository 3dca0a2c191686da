//! What the updater did goes to the broker, each thing once, whoever restarts.

use std::path::Path;

use serde_json::Value;
use vigla_bus::updater::HistoryEntry;
use vigla_testkit::peers::{self, Board, Peer};
use vigla_testkit::{Broker, free_port, until};

use super::life::start;
use super::listener::{Heard, Listener, PATIENCE};
use super::schemas;

fn fell() -> HistoryEntry {
    HistoryEntry {
        time_usec: 1_790_000_000_000_000,
        event: "fell-back".into(),
        slot: "B".into(),
        version: "1.2.0".into(),
        before: "1.1.0".into(),
        tries: 3,
        dossier: r#"{"boot_id": "", "checks": [{"name": "counting", "state": "failed", "subject": "no frame",
            "after_ms": 5}], "failed_units": [], "kernel": ["x"]}"#
            .into(),
        ..HistoryEntry::default()
    }
}

fn events(listener: &Listener) -> Vec<String> {
    let told = listener.all().into_iter();
    let told = told.filter(|heard| heard.topic.ends_with("/updates"));
    let event = |heard: Heard| -> String {
        let value: Value = serde_json::from_str(&heard.text).unwrap();
        value["update"]["event"].as_str().unwrap().to_owned()
    };
    told.map(event).collect()
}

/// Whether a file in `folder` has these bytes.
fn holds(folder: &Path, text: &str) -> Option<()> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let mut files = files.filter_map(|file| std::fs::read(file.path()).ok());
    let found = files.any(|bytes| String::from_utf8_lossy(&bytes).contains(text));
    found.then_some(())
}

#[test]
fn a_dossier_waits_for_the_broker_and_is_told_once() {
    let rig = peers::rig().unwrap();
    let mut broker = Broker::start(rig.dir(), free_port().unwrap(), "").unwrap();
    broker.go_away().unwrap();
    let board = Board::default();
    board.lock().history = vec![fell()];
    let updater = Peer::updater(&rig, &board).unwrap();
    let daemon = start(&rig, broker.port());
    let queue = rig.dir().join("state/metrics/queue");
    until("it is in the queue on disk", PATIENCE, || {
        holds(&queue, "fell-back")
    })
    .unwrap();
    assert!(daemon.stop().unwrap().success());
    broker.come_back().unwrap();
    let listener = Listener::on(broker.port());
    let daemon = start(&rig, broker.port());
    let heard = listener.wait("the dossier", |heard| heard.topic.ends_with("/updates"));
    let value: Value = serde_json::from_str(&heard.text).unwrap();
    schemas::check("update", &value);
    assert_eq!(value["update"]["version"], "1.2.0");
    assert_eq!(value["dossier"]["checks"][0]["name"], "counting");
    // The updater comes again, and has more to tell.
    drop(updater);
    let more = HistoryEntry {
        event: "installed".into(),
        dossier: String::new(),
        ..fell()
    };
    board.lock().history = vec![more, fell()];
    let _updater = Peer::updater(&rig, &board).unwrap();
    listener.wait("the next", |heard| heard.text.contains("\"installed\""));
    assert_eq!(events(&listener), ["fell-back", "installed"]);
    assert!(daemon.stop().unwrap().success());
}
