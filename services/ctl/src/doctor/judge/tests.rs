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
        "usual places",
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
        (Unit::NoSystemd, "without systemd"),
        (Unit::Unknown, "does not say why"),
    ] {
        facts.daemons.truncate(1);
        facts.daemons.push(Daemon {
            service: METRICS,
            state: State::Absent(unit),
        });
        finds(&facts, "services", "not-running", words);
        assert_ne!(judge(&facts)[0].cause, "", "{unit:?}");
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

/// Those of `docs/operations.md`, which come from the same place.
#[test]
fn every_problem_has_a_cause_and_a_next_step() {
    let mut healthy = says(&[]);
    healthy.devices.push(Device {
        path: PathBuf::from("/dev/video0"),
        mode: 0o660,
        group: 44,
    });
    for text in vigla_bus::problem::CODES {
        for facts in [&Facts::default(), &healthy] {
            let finding = reported(&Problem::new(text.code, "x"), facts);
            let answer = !finding.cause.is_empty() && !finding.fix.is_empty();
            assert!(answer, "`{}` has no answer: {finding:?}", text.code);
        }
    }
}

#[test]
fn what_is_seen_of_a_broken_library_is_its_cause() {
    let mut facts = says(&[("library-broken", "/usr/lib/x.so")]);
    finds(&facts, "library", "library-broken", "is damaged");
    let seen = "it is empty".to_owned();
    facts.files.insert("/usr/lib/x.so".to_owned(), seen);
    finds(&facts, "library", "library-broken", "it is empty");
}

#[test]
fn every_problem_has_a_check() {
    for text in vigla_bus::problem::CODES {
        let finding = reported(&Problem::new(text.code, "x"), &Facts::default());
        let settings = [
            "certificate-refused",
            "label-not-counted",
            "label-unknown",
            "no-machine-id",
            "open-to-all",
            "site-mistake",
            "site-trouble",
        ]
        .contains(&text.code);
        assert!(CHECKS.contains(&finding.check), "{}", text.code);
        assert_eq!(finding.check == "settings", settings, "{}", text.code);
    }
}

#[test]
fn what_nobody_could_answer_is_not_called_well() {
    let mut facts = says(&[]);
    let not_known = |facts: &Facts| unknown(facts).into_keys().collect::<Vec<_>>();
    assert_eq!(
        not_known(&facts),
        [
            "broker", "device", "library", "model", "port", "runtime", "settings"
        ]
    );
    let reasons = unknown(&facts);
    assert_eq!(reasons["port"], "`vigla-gateway` does not run");
    assert!(reasons["settings"].contains("`vigla-detector` does not run; `vigla-metrics`"));
    facts.daemons.push(Daemon {
        service: DETECTOR,
        state: State::Silent,
    });
    assert_eq!(
        unknown(&facts)["library"],
        "`vigla-detector` does not answer"
    );
    facts.no_bus = Some(String::new());
    facts.daemons.clear();
    let unknown = unknown(&facts);
    for check in ["services", "camera", "settings"] {
        assert_eq!(unknown[check], "there is no bus to ask on");
    }
}

#[test]
fn a_look_that_failed_is_not_called_well() {
    let all = [CAMERA, DETECTOR, METRICS, GATEWAY].map(|service| Daemon {
        service,
        state: State::Running(Vec::new()),
    });
    let mut facts = Facts {
        daemons: all.into(),
        ..Facts::default()
    };
    assert!(unknown(&facts).is_empty());
    facts.unseen = vec!["cannot look at `/var/lib/vigla`: Permission denied".to_owned()];
    facts.ungathered = Some("`vigla-metrics` may not be asked".to_owned());
    let unknown = unknown(&facts);
    assert!(unknown["disk"].ends_with("Permission denied"));
    assert_eq!(unknown["runtime"], "`vigla-metrics` may not be asked");
}
