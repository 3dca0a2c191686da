//! `viglactl config check`, with daemons that are scripts.

use std::process::Command;

use super::tool::{Said, copy_to, run, script};

#[test]
fn asks_each_daemon_that_is_there_and_exits_with_the_worst() {
    let dir = tempfile::tempdir().unwrap();
    let tool = copy_to(dir.path());
    let check = |arguments: &[&str]| -> Said {
        Command::new(&tool)
            .args(["config", "check"])
            .args(arguments)
            .output()
            .unwrap()
            .into()
    };
    script(&dir.path().join("vigla-camera"), "echo \"got=$*\"");
    let said = check(&["camera", "--json", "--config-dir", "a", "--config-dir", "b"]);
    let answer = &said.json()[0];
    assert_eq!(
        answer["settings"],
        "got=--check --config-dir a --config-dir b"
    );
    assert_eq!((said.code, answer["valid"].as_bool()), (0, Some(true)));

    script(
        &dir.path().join("vigla-metrics"),
        "echo '`50-site.toml` line 3: no' >&2; exit 78",
    );
    let said = check(&[]);
    assert_eq!(said.code, 78);
    assert_eq!(
        said.out,
        "camera: valid\nmetrics: wrong: `50-site.toml` line 3: no\n"
    );
    let said = check(&["metrics", "--json"]);
    assert_eq!(
        (said.code, said.json()[0]["valid"].as_bool()),
        (78, Some(false))
    );
    assert_eq!(said.json()[0]["error"], "`50-site.toml` line 3: no");
}

#[test]
fn what_a_daemon_could_not_check_is_said_and_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let tool = copy_to(dir.path());
    script(
        &dir.path().join("vigla-detector"),
        "echo 'vigla-detector: labels not checked: no model' >&2; echo 'rate = 1'",
    );
    let check = |arguments: &[&str]| -> Said {
        let mut command = Command::new(&tool);
        command.args(["config", "check"]).args(arguments);
        command.output().unwrap().into()
    };
    let said = check(&["detector"]);
    assert_eq!(said.code, 0);
    assert_eq!(
        said.out,
        "detector: valid\ndetector: labels not checked: no model\n"
    );
    let answer = &check(&["--json"]).json()[0];
    assert_eq!(answer["notes"][0], "labels not checked: no model");
    assert_eq!(answer["settings"], "rate = 1");
}

#[test]
fn a_program_that_dies_without_a_word_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let tool = copy_to(dir.path());
    script(&dir.path().join("vigla-camera"), "kill -9 $$");
    let said: Said = Command::new(tool)
        .args(["config", "check", "camera"])
        .output()
        .unwrap()
        .into();
    assert_eq!(said.code, 1);
    assert!(
        said.out
            .starts_with("camera: cannot check: it said nothing (signal: 9"),
        "{}",
        said.out
    );
}

#[test]
fn a_check_of_nothing_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    let said: Said = Command::new(copy_to(dir.path()))
        .args(["config", "check"])
        .output()
        .unwrap()
        .into();
    assert_eq!((said.code, said.out.as_str()), (69, ""));
    assert!(said.err.contains("no service is installed"), "{}", said.err);
}

#[test]
fn an_unknown_or_missing_service_is_said() {
    let said = run(&["config", "check", "toaster"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err
            .contains("there is camera, detector, metrics, gateway, updater, enrolment"),
        "{}",
        said.err
    );
    let dir = tempfile::tempdir().unwrap();
    let tool = copy_to(dir.path());
    let said: Said = Command::new(tool)
        .args(["config", "check", "gateway"])
        .output()
        .unwrap()
        .into();
    assert_eq!(
        (said.code, said.err.as_str()),
        (69, "viglactl: `vigla-gateway` is not installed\n")
    );
}
