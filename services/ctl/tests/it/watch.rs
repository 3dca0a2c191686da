//! `viglactl watch`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vigla_testkit::{Rig, peers, until};

use super::node::Node;
use super::tool::{Said, tool};

const PATIENCE: Duration = Duration::from_secs(20);

fn start(rig: &Rig, arguments: &[&str]) -> Child {
    let mut command = tool(arguments);
    command
        .env("DBUS_SYSTEM_BUS_ADDRESS", rig.address())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn lines_follow_the_counts_until_it_is_interrupted() {
    let rig = peers::rig().unwrap();
    let node = Node::start(&rig, Vec::new());
    let mut child = start(&rig, &["watch"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    until("it looks", PATIENCE, || (node.watchers() > 0).then_some(())).unwrap();
    assert_eq!(node.detections.wakeups("front"), Some(false));
    node.see(7, 2);
    assert!(
        lines.any(|line| line.contains("car 2  frame 7")),
        "the count of cars"
    );
    node.see(8, 3);
    assert!(
        lines.any(|line| line.contains("car 3  frame 8")),
        "the next count"
    );
    interrupt(&child);
    assert!(
        lines.all(|line| !line.contains('\x1b')),
        "no escape sequences where there is no terminal"
    );
    assert!(child.wait().unwrap().success());
    until("the reader leaves", PATIENCE, || {
        node.see(9, 1);
        (node.watchers() == 0).then_some(())
    })
    .unwrap();
}

#[test]
fn json_is_the_record_of_the_detector() {
    let rig = peers::rig().unwrap();
    let node = Node::start(&rig, Vec::new());
    let mut child = start(&rig, &["watch", "front", "--json"]);
    until("it looks", PATIENCE, || (node.watchers() > 0).then_some(())).unwrap();
    node.see(7, 2);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(
        (&first["camera_id"], &first["counts"]["car"]),
        (&"front".into(), &2.into())
    );
    interrupt(&child);
    assert!(child.wait().unwrap().success());
}

/// What a second of `watch` says on a terminal, which `script` gives it after the shell's `before`.
fn on_terminal(rig: &vigla_testkit::Rig, before: &str) -> Option<Said> {
    let tool = env!("CARGO_BIN_EXE_viglactl");
    let line = format!("{before}{tool} watch --seconds 1");
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", rig.address())
        .stdin(Stdio::null());
    let Ok(output) = command.output() else {
        vigla_testkit::skip("no `script`: install the package `bsdutils`");
        return None;
    };
    Some(Said::from(output))
}

#[test]
fn a_terminal_is_drawn_in_place_and_given_back() {
    let rig = peers::rig().unwrap();
    let node = Node::start(&rig, Vec::new());
    let _ = node.watchers();
    node.see(1, 1);
    let Some(said) = on_terminal(&rig, "") else {
        return;
    };
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.starts_with("\x1b[?25l\x1b[?7l"), "{:?}", said.out);
    assert!(said.out.contains("\x1b[1F"), "drawn again: {:?}", said.out);
    assert!(said.out.ends_with("\x1b[?7h\x1b[?25h"), "{:?}", said.out);
}

#[test]
fn a_narrow_terminal_gets_narrow_lines() {
    let rig = peers::rig().unwrap();
    let node = Node::start(&rig, Vec::new());
    node.see(1, 1);
    let Some(said) = on_terminal(&rig, "stty cols 20 rows 2; ") else {
        return;
    };
    assert_eq!(said.code, 0, "{}", said.out);
    for line in said.out.lines().filter(|line| line.contains("front")) {
        let shown = line.rsplit("front").next().unwrap_or_default();
        let shown = shown.split("\x1b[K").next().unwrap_or_default();
        let plain = shown.replace("\x1b[31m", "").replace("\x1b[32m", "");
        let plain = plain.replace("\x1b[0m", "");
        assert!("front".len() + plain.chars().count() <= 20, "{line:?}");
    }
}

#[test]
fn a_camera_that_is_not_there_is_said_at_once() {
    let rig = peers::rig().unwrap();
    let _node = Node::start(&rig, Vec::new());
    let said: Said = tool(&["watch", "back"])
        .env("DBUS_SYSTEM_BUS_ADDRESS", rig.address())
        .output()
        .unwrap()
        .into();
    assert_eq!(
        (said.code, said.err.as_str()),
        (1, "viglactl: no camera `back`; there is `front`\n")
    );
}
