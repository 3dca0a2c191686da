//! `viglactl support-bundle`: complete, and without what was planted.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use vigla_bus::Problem;
use vigla_testkit::peers;

use super::node::Node;
use super::tool::{Said, copy_to, script};

const SECRET: &str = "hunter2hunter2";

#[test]
fn the_verdict_is_on_top_and_no_secret_is_in_it() {
    let rig = peers::rig().unwrap();
    let address = format!("rtsp://owner:{SECRET}@10.0.0.9/live");
    let _node = Node::start(&rig, vec![Problem::new("source-denied", &address)]);
    let dir = tempfile::tempdir().unwrap();
    let tool = copy_to(dir.path());
    let settings =
        format!("echo 'source = \"{address}\"'; echo 'password = \"{SECRET}\"'; echo 'rate = 7'");
    script(&dir.path().join("vigla-camera"), &settings);
    let log = format!(
        "echo \"$*: psk={SECRET}\"; echo 'Authorization: Bearer {SECRET}'; echo 'a line of the log'"
    );
    script(&dir.path().join("journalctl"), &log);
    let file = dir.path().join("bundle.tar");
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let bundle = || -> Said {
        let mut command = Command::new(&tool);
        command.arg("support-bundle").arg(&file).env("PATH", &path);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", rig.address());
        command.output().unwrap().into()
    };
    let said = bundle();
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let bytes = std::fs::read(&file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains(SECRET), "{text}");
    for part in [
        "rate = 7",
        "a line of the log",
        "source-denied",
        "rtsp://...@10.0.0.9/live",
        "viglactl ",
        "\"accepted\": 9",
        "vigla-support/blackbox.json",
        "\"ended\": \"machine\"",
        "source-denied rtsp://...@10.0.0.8/x",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.starts_with("vigla-support/verdict.txt"));
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = bundle();
    assert_eq!(again.code, 1, "nothing is overwritten");
}
