//! What is made for the services is what they take: their own `--check` reads it.

use std::path::Path;
use std::process::Command;

use crate::stage::{Stage, WHOLE};

/// Each service's settings, as it shows them, with a line that came from the owner's file.
const SHOWN: [(&str, &str); 3] = [
    ("camera", "[camera.front]"),
    ("metrics", "broker = \"192.168.1.10:1883\""),
    ("gateway", "owner_file = "),
];

#[test]
fn the_services_take_the_settings_that_are_made_for_them() {
    let mut stage = Stage::new();
    stage.boot_with(WHOLE);
    check(&stage);
}

#[test]
fn the_services_take_every_form_of_a_value() {
    let mut stage = Stage::new();
    let findings = stage.boot_with(
        "[camera.front]\nsource = 'rtsps://h:322/a?usr=b&pwd=c'\nrate = 0.01\nsize = '16x8192'\n\
         [camera.a-1_2]\nsource = 'usb:046d:0825'\nlabel = '\"T\u{fc}r\" \\'\nrate = 240\n\
         [camera.b]\nsource = '/dev/v4l/by-id/x'\n[camera.c]\nsource = 'synthetic'\n[camera.d]\nsource = '/srv/a b.mp4'\n\
         [mqtt]\nbroker = 'mqtts://192.168.1.10:1883'\nuser = 'a\\b\"'\npassword = 'x'\n\
         [login]\nopen = true\npassword = 'at least ten'\n",
    );
    assert_eq!(findings.mistakes, []);
    check(&stage);
}

fn check(stage: &Stage) {
    let programs = Path::new(env!("CARGO_BIN_EXE_vigla-site"))
        .parent()
        .unwrap();
    for (noun, line) in SHOWN {
        let program = programs.join(format!("vigla-{noun}"));
        if !program.exists() {
            vigla_testkit::skip(&format!("vigla-{noun} is not built"));
            continue;
        }
        let mut check = Command::new(program);
        check.arg("--config-dir").arg(stage.places.at("etc/vigla"));
        let done = check.arg("--check").output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{noun}: {complaint}");
        assert!(said.contains(line), "{noun}: {said}");
    }
}
