//! `bench --json`: what a machine reads is on stdout, and nothing else is. Cargo, apt and Python are stand-ins.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Programs that the set-up looks for; it runs only those of [`SCRIPTS`].
const PROGRAMS: [&str; 13] = [
    "cc",
    "dbus-daemon",
    "dbus-monitor",
    "mosquitto",
    "mosquitto_sub",
    "ffmpeg",
    "openssl",
    "promtool",
    "prometheus-node-exporter",
    "newuidmap",
    "chromium",
    "chromedriver",
    "ustreamer",
];

const SCRIPTS: [(&str, &str); 4] = [
    ("pkg-config", "exit 0"),
    ("python3", "echo a word of Python"),
    ("apt-get", "echo a word of apt"),
    (
        "cargo",
        "[ $1 = run ] && echo '{\"id\":\"P0\"}' || echo a word of cargo",
    ),
];

#[allow(clippy::disallowed_methods, reason = "stand-ins in a temporary folder")]
fn stand_in(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn json_is_alone_on_stdout() {
    let folder = tempfile::tempdir().unwrap();
    for name in PROGRAMS {
        stand_in(folder.path(), name, "exit 0");
    }
    for (name, script) in SCRIPTS {
        stand_in(folder.path(), name, script);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["bench", "--json", "--yes", "P0"])
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .env("CARGO", folder.path().join("cargo"))
        .env("XDG_CACHE_HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{talk}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "{\"id\":\"P0\"}\n"
    );
    for word in ["packages", "a word of cargo", "all programs up to date"] {
        assert!(talk.contains(word), "`{word}` is not in {talk}");
    }
}
