use std::path::PathBuf;

use super::*;
use crate::doctor::local::{Clock, Device};

fn says(problems: &[(&str, &str)]) -> Facts {
    let problems = problems
        .iter()
        .map(|(code, subject)| Problem::new(code, *subject));
    Facts {
        daemons: vec![Daemon {
            service: CAMERA,
            state: State::Running(problems.collect()),
        }],
        ..Facts::default()
    }
}

fn disk_with(free: u64, read_only: bool) -> Disk {
    Disk {
        folder: PathBuf::from("/var/lib/vigla"),
        free,
        size: 8 << 30,
        read_only,
    }
}

/// The check, the code, and words that must be in what, cause or fix.
fn finds(facts: &Facts, check: &str, code: &str, words: &str) {
    let found = judge(facts);
    let [finding] = found.as_slice() else {
        panic!("{code}: {found:?}");
    };
    assert_eq!((finding.check, finding.code.as_str()), (check, code));
    let text = format!("{} {} {}", finding.what, finding.cause, finding.fix);
    assert!(text.contains(words), "`{words}` is not in `{text}`");
    assert!(finding.wrong && !finding.fix.is_empty());
}

#[test]
fn each_fault_is_named_with_its_cause() {
    let mut no_broker = says(&[("no-broker", "localhost:1883")]);
    no_broker
        .doors
        .insert("localhost:1883".to_owned(), "nothing listens".to_owned());
    finds(&no_broker, "broker", "no-broker", "nothing listens");
    finds(
        &says(&[("no-library", "/usr/lib/x.so")]),
        "library",
        "no-library",
        "another version",
    );
    finds(&says(&[("no-model", "m")]), "model", "no-model", "manifest");
    finds(
        &says(&[("no-camera", "")]),
        "camera",
        "no-camera",
        "/dev/video",
    );
    let mut denied = says(&[("camera-denied", "front")]);
    denied.devices.push(Device {
        path: PathBuf::from("/dev/video0"),
        mode: 0o600,
        group: 0,
    });
    finds(&denied, "camera", "camera-denied", "mode 600");
    finds(
        &says(&[("camera-format", "front")]),
        "camera",
        "camera-format",
        "H.264",
    );
    finds(
        &says(&[("port-in-use", "8080")]),
        "port",
        "port-in-use",
        "ss -ltnp",
    );
    let clock = |seconds| Facts {
        clock: Clock {
            seconds,
            synced: false,
        },
        ..Facts::default()
    };
    finds(&clock(0), "clock", "clock", "1970-01-01");
    let full = Facts {
        disks: vec![disk_with(1 << 20, false)],
        ..Facts::default()
    };
    finds(&full, "disk", "disk-full", "1 of 8192 MiB");
    let worn = Facts {
        disks: vec![disk_with(1 << 30, true)],
        ..Facts::default()
    };
    finds(&worn, "disk", "disk-read-only", "read-only");
    finds(
        &says(&[("queue-disk", "the disk is full")]),
        "disk",
        "queue-disk",
        "disk is full",
    );
}

#[test]
fn a_node_that_is_well_has_no_findings_but_notes() {
    let mut facts = says(&[]);
    facts.disks.push(disk_with(1 << 30, false));
    assert_eq!(judge(&facts), []);
    facts.clock = Clock {
        seconds: FLOOR,
        synced: false,
    };
    assert!(judge(&facts).iter().all(|finding| !finding.wrong));
}

#[test]
fn a_missing_service_is_told_once_and_why_it_is_missing() {
    let mut facts = says(&[("no-peer", METRICS.binary)]);
    for (unit, words) in [
        (Unit::Settings, "viglactl config check metrics"),
        (Unit::Failed(1), "exit code 1"),
        (Unit::NotInstalled, "not installed"),
        (Unit::Stopped, "systemctl start"),
        (Unit::Unknown, "journalctl"),
    ] {
        facts.daemons.truncate(1);
        facts.daemons.push(Daemon {
            service: METRICS,
            state: State::Absent(unit),
        });
        finds(&facts, "services", "not-running", words);
    }
}

#[test]
fn the_most_basic_thing_comes_first() {
    let mut facts = says(&[("from-the-future", "x"), ("no-broker", "a:1")]);
    facts.no_bus = Some("no such file".to_owned());
    facts.unscraped.push("vigla-camera".to_owned());
    let checks: Vec<_> = judge(&facts).into_iter().map(|f| f.check).collect();
    assert_eq!(checks, ["bus", "runtime", "broker", "settings"]);
}

#[test]
fn every_problem_has_a_check() {
    for text in vigla_bus::problem::CODES {
        let finding = reported(&Problem::new(text.code, "x"), &Facts::default());
        let settings = [
            "label-not-counted",
            "label-unknown",
            "no-machine-id",
            "open-to-all",
        ]
        .contains(&text.code);
        assert!(CHECKS.contains(&finding.check), "{}", text.code);
        assert_eq!(finding.check == "settings", settings, "{}", text.code);
    }
}

#[test]
fn what_nobody_could_answer_is_not_called_well() {
    let mut facts = says(&[]);
    assert_eq!(
        unknown(&facts),
        ["device", "runtime", "library", "model", "broker", "port"]
    );
    facts.no_bus = Some(String::new());
    facts.daemons.clear();
    let unknown = unknown(&facts);
    assert!(unknown.contains(&"services") && unknown.contains(&"camera"));
}
