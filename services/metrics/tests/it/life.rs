//! The life of the real binary on a private bus with the shipped policy: it starts, says what is
//! missing, and ends in order.

use vigla_testkit::{Broker, Daemon, Rig, free_port, until};

use super::listener::{Listener, PATIENCE};

pub(crate) fn settings(port: u16) -> String {
    // How full the disk of this machine is must not decide a test.
    format!("broker = \"127.0.0.1:{port}\"\nlongest_wait = \"1s\"\nhealth.enabled = false\n")
}

pub(crate) fn start(rig: &Rig, port: u16) -> Daemon {
    start_with(rig, &settings(port))
}

pub(crate) fn start_with(rig: &Rig, settings: &str) -> Daemon {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_vigla-metrics"));
    rig.daemon("metrics")
        .binary(binary)
        .settings(settings)
        .arg("-v")
        .env("WATCHDOG_USEC", "2000000")
        .start()
        .unwrap()
}

#[test]
fn a_clean_end_says_stopped_and_exits_0() {
    let rig = Rig::start().unwrap();
    let broker = Broker::start(rig.dir(), free_port().unwrap(), "").unwrap();
    let listener = Listener::on(broker.port());
    let daemon = start(&rig, broker.port());
    listener.wait_text("/availability", "online");
    let status = daemon.stop().unwrap();
    assert!(status.success(), "{status}");
    listener.wait_text("/availability", "stopped");
    assert!(!listener.all().iter().any(|heard| heard.text == "offline"));
}

#[test]
fn without_any_broker_it_runs_says_so_and_ends_when_asked() {
    let rig = Rig::start().unwrap();
    let daemon = start(&rig, free_port().unwrap());
    until("degraded", PATIENCE, || {
        daemon.status().contains("does not answer").then_some(())
    })
    .unwrap();
    assert!(daemon.stop().unwrap().success());
}

#[test]
fn bad_settings_exit_78_with_file_and_line() {
    let rig = Rig::start().unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_vigla-metrics"));
    let mut daemon = rig
        .daemon("metrics")
        .binary(binary)
        .settings("\nbroker = 5")
        .launch()
        .unwrap();
    let status = daemon.child().wait(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(78), "{}", daemon.log());
    assert!(
        daemon.log().contains("50-rig.toml` line 2"),
        "{}",
        daemon.log()
    );
}
