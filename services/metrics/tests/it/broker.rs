//! The sink against a real mosquitto.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;
use vigla_metrics::broker::State;
use vigla_metrics::config::{Bytes, Holding, Messages};
use vigla_metrics::hold::Limits;
use vigla_metrics::outbox::Reason;
use vigla_testkit::{Broker, free_port, until};

use super::listener::{Listener, PATIENCE};
use super::ramdisk::RamDisk;
use super::sink::{NODE, Sink};

fn mosquitto(extra: &str) -> (TempDir, Broker) {
    let dir = open_folder();
    let broker = Broker::start(dir.path(), free_port().unwrap(), extra).unwrap();
    (dir, broker)
}

/// A folder that the broker may enter, whoever it runs as.
pub(crate) fn open_folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

#[test]
fn messages_arrive_once_and_a_clean_end_says_so() {
    let (_dir, broker) = mosquitto("");
    let listener = Listener::on(broker.port());
    let sink = Sink::start(broker.port(), |_| {});
    for n in 0..300 {
        sink.put("demo/n", &n.to_string());
    }
    let account = sink.wait_account(|account| account.sent == 300);
    assert_eq!(
        (account.accepted, account.stored, account.dropped.total()),
        (300, 0, 0)
    );
    listener.wait_text("demo/n", "299");
    let numbers: Vec<_> = listener
        .all()
        .into_iter()
        .filter(|h| h.topic == "demo/n")
        .map(|h| h.text)
        .collect();
    assert_eq!(numbers, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
    listener.wait_text("/availability", "online");
    sink.stop();
    listener.wait_text("/availability", "stopped");
    let late = Listener::on(broker.port());
    assert!(late.wait_text("/availability", "stopped").retained);
}

#[test]
fn without_broker_and_disk_only_what_the_account_says_is_lost() {
    let (_dir, mut broker) = mosquitto("");
    let disk = RamDisk::default();
    disk.fail(Some(std::io::ErrorKind::StorageFull));
    let sink = Sink::start_on(&disk, broker.port(), |settings| {
        settings.hold = Holding {
            messages: Messages::new(100).unwrap(),
            ..settings.hold
        };
    });
    sink.wait_state(State::Connected);
    broker.go_away().unwrap();
    sink.wait_problem("no-broker");
    for n in 0..250 {
        sink.put("demo/n", &n.to_string());
    }
    let away = sink.outbox.account();
    assert_eq!(
        (away.accepted, away.stored, away.dropped.by(Reason::Full)),
        (250, 100, 150)
    );
    broker.come_back().unwrap();
    let listener = Listener::on(broker.port());
    let account = sink.wait_account(|account| account.stored == 0);
    assert_eq!(account.accepted, account.sent + account.dropped.total());
    assert_eq!(account.sent, 100);
    sink.wait_state(State::Connected);
    assert!(sink.problems.list().is_empty());
    // Whether our subscriber came before or after the first messages, it hears the last one.
    sink.put("demo/n", "last");
    listener.wait_text("demo/n", "last");
}

#[test]
fn a_broker_killed_again_and_again_never_breaks_the_account() {
    let (_dir, mut broker) = mosquitto("");
    let sink = Sink::start(broker.port(), |_| {});
    for round in 0..3 {
        sink.wait_state(State::Connected);
        for n in 0..200 {
            sink.put("demo/n", &format!("{round}-{n}"));
        }
        broker.go_away().unwrap();
        sink.wait_state(State::Connecting);
        broker.come_back().unwrap();
    }
    let account = sink.wait_account(|account| account.stored == 0);
    assert_eq!((account.accepted, account.sent), (600, 600));
}

#[test]
fn a_broker_that_refuses_us_is_a_problem_and_a_new_password_ends_it() {
    let dir = open_folder();
    let passwords = dir.path().join("passwords");
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&passwords)
        .args(["node", "right"])
        .status();
    if !made.is_ok_and(|status| status.success()) {
        vigla_testkit::skip("no `mosquitto_passwd`: install the package `mosquitto`");
        return;
    }
    std::fs::set_permissions(&passwords, Permissions::from_mode(0o644)).unwrap();
    let extra = format!(
        "allow_anonymous false\npassword_file {}",
        passwords.display()
    );
    let (_dir, broker) = mosquitto(&extra);
    let secret = dir.path().join("secret");
    vigla_kit::atomic::write(&secret, b"wrong\n").unwrap();
    let sink = Sink::start(broker.port(), |settings| {
        settings.user = "node".into();
        settings.password_file = secret.clone();
    });
    sink.put("demo/n", "1");
    sink.wait_state(State::Refused);
    sink.wait_problem("broker-refused");
    assert_eq!(sink.outbox.account().stored, 1);
    vigla_kit::atomic::write(&secret, b"right\n").unwrap();
    sink.wait_account(|account| account.sent == 1);
    until("no problem", PATIENCE, || {
        sink.problems.list().is_empty().then_some(())
    })
    .unwrap();
}

#[test]
fn discovery_documents_are_retained_removed_and_sent_again() {
    let (_dir, broker) = mosquitto("");
    let sink = Sink::start(broker.port(), |_| {});
    let document = |label: &str| {
        (
            format!("homeassistant/sensor/{NODE}/front_{label}/config"),
            format!("{{\"{label}\":1}}"),
        )
    };
    sink.documents
        .send_replace([document("car"), document("bus")].into());
    sink.wait_state(State::Connected);
    let listener = Listener::on(broker.port());
    listener.wait("a document", |heard| {
        heard.topic.ends_with("front_bus/config")
    });
    sink.documents.send_replace([document("car")].into());
    listener.wait("the removal", |heard| {
        heard.topic.ends_with("front_bus/config") && heard.text.is_empty()
    });
    let late = Listener::on(broker.port());
    assert!(
        late.wait("a retained document", |heard| heard
            .topic
            .ends_with("front_car/config"))
            .retained
    );
    assert!(
        !late
            .all()
            .iter()
            .any(|heard| heard.topic.ends_with("front_bus/config"))
    );
    let count = || {
        late.all()
            .iter()
            .filter(|heard| heard.topic.ends_with("front_car/config"))
            .count()
    };
    let before = count();
    late.say("homeassistant/status", "offline");
    late.say("homeassistant/status", "online");
    until("the documents again", PATIENCE, || {
        (count() == before + 1).then_some(())
    })
    .unwrap();
}

#[test]
fn too_large_is_dropped_and_counted_not_sent() {
    let (_dir, broker) = mosquitto("");
    let sink = Sink::start(broker.port(), |_| {});
    sink.put("demo/n", &"x".repeat(Holding::LARGEST));
    sink.put("demo/n", "small");
    let account = sink.wait_account(|account| account.sent == 1);
    assert_eq!(
        (account.accepted, account.dropped.by(Reason::TooBig)),
        (2, 1)
    );
}

#[test]
fn limits_come_from_the_settings() {
    let holding = Holding {
        messages: Messages::new(100).unwrap(),
        bytes: Bytes::new(200_000).unwrap(),
    };
    assert_eq!(
        holding.limits(),
        Limits {
            messages: 100,
            bytes: 200_000,
            largest: Holding::LARGEST
        }
    );
}
