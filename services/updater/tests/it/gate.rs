//! The mission gate as a program: what it marks, what it writes down, and with what it ends.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use vigla_bus::zbus::Connection;
use vigla_testkit::{Habits, Rig, Web};

use super::fakes::{Board, Node, Rauc, rig};
use super::node::block_on;
use super::rauc::put;

/// A node before its gate.
struct Scene {
    rig: Rig,
    web: Web,
    state: std::path::PathBuf,
}

impl Scene {
    fn set(state: &Value) -> Self {
        let rig = rig();
        let web = Web::start(Habits {
            files: vec![("/healthz".into(), b"ok".to_vec())],
            ..Habits::default()
        })
        .unwrap();
        let folder = rig.dir().join("gate");
        std::fs::create_dir(&folder).unwrap();
        put(&folder.join("state.json"), state.to_string().as_bytes());
        if !state["trial"].is_null() {
            put(&folder.join("trial"), b"");
        }
        Self {
            rig,
            web,
            state: folder,
        }
    }

    /// Runs the gate in slot `slot` beside `node`.
    fn pass(&self, slot: &str, node: Node, without: &[&str]) -> (Output, Arc<Mutex<Board>>) {
        let settings = self.rig.dir().join("etc/updater.d");
        std::fs::create_dir_all(&settings).unwrap();
        let text = format!(
            "[gate]\ndeadline = \"2s\"\npage = \"{}\"\n",
            self.web.url("/healthz")
        );
        put(&settings.join("50.toml"), text.as_bytes());
        let command_line = self.rig.dir().join("cmdline");
        put(
            &command_line,
            format!("quiet rauc.slot={slot}\n").as_bytes(),
        );
        block_on(async {
            let (_rauc, board): (Connection, _) = Rauc::start(&self.rig).await;
            let _node = node.start(&self.rig, without).await;
            let mut gate = Command::new(env!("CARGO_BIN_EXE_vigla-gate"));
            gate.env("DBUS_SYSTEM_BUS_ADDRESS", self.rig.address());
            gate.env("STATE_DIRECTORY", &self.state);
            gate.arg("--config-dir").arg(self.rig.dir().join("etc"));
            gate.arg("--command-line").arg(&command_line);
            let ended = tokio::task::spawn_blocking(move || gate.output().unwrap())
                .await
                .unwrap();
            (ended, board)
        })
    }

    fn kept(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.state.join("state.json")).unwrap()).unwrap()
    }

    fn marked(&self) -> bool {
        Path::new(&self.state).join("trial").exists()
    }
}

fn well() -> Node {
    Node {
        camera: "streaming",
        counted: 3,
        accepted: 50,
    }
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn on_trial() -> Value {
    json!({
        "worked": {"cameras": ["front"], "accepted": 40},
        "trial": {"slot": "B", "version": version(), "before": "0.0.9", "written": true},
    })
}

fn events(kept: &Value) -> Vec<&str> {
    kept["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"].as_str().unwrap())
        .collect()
}

#[test]
fn a_version_that_does_its_work_is_good_and_raises_the_floor() {
    let scene = Scene::set(&on_trial());
    let (ended, board) = scene.pass("B", well(), &[]);
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(board.lock().unwrap().done, ["good rootfs.1"]);
    let kept = scene.kept();
    assert_eq!(events(&kept), ["passed"]);
    assert_eq!(
        (&kept["floor"], &kept["proven"]["B"]),
        (&json!(version()), &json!(version()))
    );
    assert_eq!(
        kept["worked"],
        json!({"cameras": ["front"], "accepted": 50})
    );
    assert!(kept["trial"].is_null() && !scene.marked());
}

#[test]
fn a_version_whose_detector_does_not_start_is_left_and_says_why() {
    let scene = Scene::set(&on_trial());
    let (ended, board) = scene.pass("B", well(), &["detector"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(board.lock().unwrap().done.is_empty(), "marked good");
    let kept = scene.kept();
    assert_eq!(events(&kept), ["failed"]);
    let entry = &kept["history"][0];
    assert_eq!(
        (&entry["result"], &entry["tries"]),
        (&json!("services"), &json!(1))
    );
    let check = &entry["dossier"]["checks"][0];
    assert_eq!(
        (&check["state"], &check["subject"]),
        (&json!("failed"), &json!("detector"))
    );
    // What asks for the restart is still there.
    assert!(scene.marked());
    assert!(kept["floor"].is_null());
}

#[test]
fn after_the_fall_the_old_slot_is_good_again_and_the_story_is_told() {
    let mut state = on_trial();
    state["trial"]["boots"] = json!(["b1", "b2", "b3"]);
    state["proven"] = json!({"A": version()});
    let scene = Scene::set(&state);
    let (ended, board) = scene.pass("A", well(), &[]);
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(board.lock().unwrap().done, ["good rootfs.0"]);
    let kept = scene.kept();
    assert_eq!(events(&kept), ["fell-back"]);
    let entry = &kept["history"][0];
    assert_eq!((&entry["slot"], &entry["tries"]), (&json!("B"), &json!(3)));
    assert!(entry["dossier"].is_object() && kept["trial"].is_null() && !scene.marked());
}

#[test]
fn a_proven_version_with_an_unplugged_camera_stays_good_and_does_not_restart() {
    let state = json!({"worked": {"cameras": ["front"]}, "proven": {"A": version()}});
    let scene = Scene::set(&state);
    let (ended, board) = scene.pass(
        "A",
        Node {
            camera: "absent",
            ..well()
        },
        &[],
    );
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(board.lock().unwrap().done, ["good rootfs.0"]);
    let kept = scene.kept();
    assert_eq!(events(&kept), ["unwell"]);
    assert_eq!(kept["history"][0]["result"], "cameras");
    // The unit that restarts asks for this.
    assert!(!scene.marked());
    assert_eq!(
        kept["worked"]["cameras"],
        json!(["front"]),
        "it is wanted back next time too"
    );
}

#[test]
fn a_flashed_node_that_never_passed_stays_and_is_not_good() {
    let scene = Scene::set(&json!({}));
    let (ended, board) = scene.pass("A", well(), &["gateway"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(board.lock().unwrap().done.is_empty());
    assert_eq!(events(&scene.kept()), ["unwell"]);
    assert!(!scene.marked());
}

#[test]
fn a_power_cut_while_rauc_writes_is_no_fall() {
    let mut state = on_trial();
    state["trial"]["written"] = json!(false);
    state["proven"] = json!({"A": version()});
    let scene = Scene::set(&state);
    let (ended, _) = scene.pass("A", well(), &[]);
    assert_eq!(ended.status.code(), Some(0));
    let kept = scene.kept();
    assert_eq!(events(&kept), ["refused"]);
    assert_eq!(kept["history"][0]["result"], "interrupted");
    assert!(kept["trial"].is_null() && !scene.marked());
}
