//! Commands that ask services, against stand-ins on a private bus.

use std::process::Command;

use vigla_bus::Problem;
use vigla_testkit::{Rig, Who, peers};

use super::node::{Node, PICTURE};
use super::tool::{Said, tool};

fn ask(rig: &Rig, line: &str) -> Said {
    on(rig, line).output().unwrap().into()
}

fn on(rig: &Rig, line: &str) -> Command {
    let mut command = tool(&line.split(' ').collect::<Vec<_>>());
    command
        .env("DBUS_SYSTEM_BUS_ADDRESS", rig.address())
        .current_dir(rig.dir());
    command
}

#[test]
fn status_says_how_the_node_is_and_what_to_do() {
    let rig = peers::rig().unwrap();
    let said = ask(&rig, "status");
    assert_eq!(said.code, 69);
    assert!(
        said.out.starts_with("No service of Vigla is running.\n"),
        "{}",
        said.out
    );

    let _node = Node::start(&rig, vec![Problem::new("no-broker", "localhost:1883")]);
    let said = ask(&rig, "status");
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    let first = "Degraded, because `vigla-gateway` is not running; the MQTT broker `localhost:1883` does not answer.\n";
    assert!(said.out.starts_with(first), "{}", said.out);
    for line in [
        "  - start it, or correct `broker` in the settings of `vigla-metrics`\n",
        "metrics   degraded     0.0.0\n",
        "camera front: streaming, picture ok, 30.0/s\n",
        "sink mqtt: connected; 9 accepted = 6 sent + 2 stored + 1 dropped (1 full)\n",
    ] {
        assert!(said.out.contains(line), "{line} is not in {}", said.out);
    }
    let status = &ask(&rig, "status --json").json()[0];
    assert_eq!(status["healthy"], false);
    assert_eq!(status["node_id"], "vigla-0123456789ab");
    assert_eq!(status["services"][2]["problems"][0]["code"], "no-broker");
    assert_eq!(status["services"][3]["running"], false);
}

#[test]
fn the_queue_is_accounted_for() {
    let rig = peers::rig().unwrap();
    let said = ask(&rig, "metrics queue");
    assert_eq!(said.code, 69, "{}", said.err);
    let _node = Node::start(&rig, Vec::new());
    let said = ask(&rig, "metrics queue");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let expected = "mqtt: connected
  9 accepted = 6 sent + 2 stored + 1 dropped (1 full)
  4096 bytes on disk, the oldest for 1m 15s; 1 in memory only
";
    assert_eq!(said.out, expected);
    let sink = &ask(&rig, "metrics queue --json").json()[0];
    assert_eq!(
        (&sink["dropped_by"]["full"], &sink["trouble"]),
        (&1.into(), &"".into())
    );
}

#[test]
fn cameras_are_listed_shown_set_and_photographed() {
    let rig = peers::rig().unwrap();
    let node = Node::start(&rig, Vec::new());
    let said = ask(&rig, "camera list");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out
            .contains("front  streaming  ok       MJPG 64x48 30.0/s  The \u{fffd}[31mdoor\n"),
        "{}",
        said.out
    );
    assert_eq!(
        ask(&rig, "camera show front --json").json()[0]["frame_rate"],
        29.97
    );
    let said = ask(&rig, "camera show back");
    assert_eq!(
        (said.code, said.err.as_str()),
        (1, "viglactl: no camera `back`; there is `front`\n")
    );

    assert_eq!(ask(&rig, "camera set front brightness -5").code, 0);
    let controls = &ask(&rig, "camera controls front --json").json()[0]["controls"];
    assert_eq!(
        (&controls[0]["name"], &controls[0]["value"]),
        (&"brightness".into(), &(-5).into())
    );
    let said = ask(&rig, "camera set front gain 1");
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            1,
            "viglactl: cannot set `gain` of `front`: no control `gain`\n"
        )
    );

    let said = ask(&rig, "camera snapshot");
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "frame 42 of front is in front-42.jpg\n"),
        "{}",
        said.err
    );
    assert_eq!(
        std::fs::read(rig.dir().join("front-42.jpg")).unwrap(),
        PICTURE
    );
    let bytes = on(&rig, "camera snapshot front -o -")
        .output()
        .unwrap()
        .stdout;
    assert_eq!(bytes, PICTURE);
    assert_eq!(node.pictures.wakeups("front"), Some(true));
}

#[test]
fn the_detector_is_shown_loaded_and_its_events_listed() {
    let rig = peers::rig().unwrap();
    let _node = Node::start(&rig, Vec::new());
    let said = ask(&rig, "detector status");
    assert_eq!(
        said.out,
        "model   fake version 1 (sha256 0a0a0a0a0a0a)\nlabels  car, person\nshapes  front: zone street\n"
    );
    assert_eq!(
        ask(&rig, "detector load good --json").json()[0]["model"]["version"],
        "2"
    );
    let said = ask(&rig, "detector load bad");
    assert_eq!(
        said.err,
        "viglactl: cannot load model `bad`: no model `bad`; there is `good`\n"
    );
    assert_eq!(ask(&rig, "detector load busy").code, 1);
    let ids = |said: &Said| {
        said.json()
            .iter()
            .map(|event| event["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&ask(&rig, "detector events --json")), [1, 2, 3]);
    assert_eq!(
        ids(&ask(&rig, "detector events --json --after 1 --limit 1")),
        [3]
    );
    assert_eq!(ask(&rig, "detector events").out.lines().count(), 3);
}

#[test]
fn a_stranger_is_told_what_to_do() {
    vigla_testkit::with_users(|| {
        let rig = peers::rig().unwrap();
        let _node = Node::start(&rig, Vec::new());
        let shared = rig
            .share(std::path::Path::new(env!("CARGO_BIN_EXE_viglactl")))
            .unwrap();
        let mut command = Command::new(shared);
        rig.run_as(Who::Stranger, command.args(["detector", "events"]));
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.code, 1);
        assert!(
            said.err
                .ends_with("you may not; use `sudo`, or join the group `vigla-operator`\n"),
            "{}",
            said.err
        );
    });
}

#[test]
fn the_doctor_names_each_fault_with_cause_and_fix() {
    let rig = peers::rig().unwrap();
    let port = vigla_testkit::free_port().unwrap();
    let broker = format!("127.0.0.1:{port}");
    let problems = [
        ("no-broker", broker.as_str()),
        ("no-library", "libonnxruntime.so"),
        ("library-broken", "libonnxruntime.so"),
        ("camera-gone", "front"),
        ("source-failed", "clip"),
        ("source-unreachable", "gate"),
        ("source-no-video", "clip"),
        ("broker-untrusted", "localhost:8883"),
        ("broker-refused", "localhost:1883"),
        ("tls-file", "/nonexistent/ca.pem"),
        ("open-to-all", "8080"),
        ("no-model", "cocossd"),
        ("no-camera", ""),
        ("camera-denied", "front"),
        ("camera-format", "front"),
        ("queue-disk", "the disk is full"),
        ("port-in-use", "8080"),
    ];
    let told = problems.map(|(code, subject)| Problem::new(code, subject));
    let _node = Node::start(&rig, told.into());
    let said = ask(&rig, "doctor");
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    for line in [
        "ok     bus\n",
        "wrong  services: `vigla-gateway` is not running\n",
        "nothing listens on this port\n",
    ] {
        assert!(said.out.contains(line), "{line} is not in {}", said.out);
    }
    let verdict = &ask(&rig, "doctor --json").json()[0];
    let findings = verdict["findings"].as_array().unwrap();
    for (code, _) in problems {
        let found = findings.iter().find(|finding| finding["code"] == code);
        let finding = found.unwrap_or_else(|| panic!("{code} is not in {verdict}"));
        assert_ne!(finding["fix"], "", "{code}");
        assert_ne!(finding["cause"], "", "{code}");
    }
    let mut all = findings.iter();
    let stopped = all.find(|finding| finding["code"] == "not-running");
    assert_ne!(stopped.unwrap()["cause"], "");
}
