//! The last minute of a service that was killed, as the next run shows it.

use vigla_testkit::{Rig, Who, until};

use super::bus::{ask, get, start};
use super::listener::PATIENCE;

fn black_box(rig: &Rig) -> String {
    let answer = ask(rig, Who::Me, "org.vigla.Metrics1", "BlackBox", &[]).unwrap();
    // Behind a line about the message.
    answer.lines().skip(1).collect()
}

fn health(rig: &Rig) -> String {
    get(rig, Who::Me, "Health").unwrap()
}

#[test]
fn a_killed_service_shows_its_last_minute_until_the_next_start() {
    let rig = Rig::start().unwrap();
    let daemon = start(&rig);
    assert!(black_box(&rig).contains("{}"));
    // A figure and a problem have been written down: the ring is in the runtime folder.
    until("a second is written", PATIENCE, || {
        let bytes = std::fs::read(rig.run_dir().join("metrics/blackbox")).ok()?;
        String::from_utf8_lossy(&bytes)
            .contains("no-peer")
            .then_some(())
    })
    .unwrap();
    daemon.kill().unwrap();

    let daemon = start(&rig);
    let kept = black_box(&rig);
    for part in ["\"ended\":\"service\"", "problem no-peer", "\"memory_mb\":"] {
        assert!(kept.contains(part), "{part} is not in {kept}");
    }
    assert!(health(&rig).contains("last-run"), "{}", health(&rig));
    assert!(daemon.stop().unwrap().success());

    // An orderly end leaves nothing new; what is kept stays.
    let _daemon = start(&rig);
    assert!(!health(&rig).contains("last-run"), "{}", health(&rig));
    assert_eq!(black_box(&rig), kept);
}

#[test]
fn health_says_how_the_device_is() {
    let rig = Rig::start().unwrap();
    let _daemon = start(&rig);
    until("the first look", PATIENCE, || {
        let health = health(&rig);
        ["memory", "disk", "clock"]
            .iter()
            .all(|name| health.contains(name))
            .then_some(())
    })
    .unwrap();
}
