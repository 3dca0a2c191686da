//! The sink against a mosquitto that speaks TLS, in both versions of MQTT.

use std::path::Path;

use vigla_metrics::Settings;
use vigla_metrics::broker::State;
use vigla_metrics::config::{Protocol, Tls};
use vigla_testkit::{Broker, free_port, until};

use super::authority::{Authority, EXPIRED, NOT_YET, Pair, VALID};
use super::broker::open_folder;
use super::listener::{Listener, PATIENCE};
use super::ramdisk::RamDisk;
use super::sink::{Sink, opener};

const HERE: &str = "IP:127.0.0.1";

/// What mosquitto needs to speak TLS.
fn tls(authority: &Path, pair: &Pair) -> String {
    format!(
        "cafile {}\ncertfile {}\nkeyfile {}\n",
        authority.display(),
        pair.certificate.display(),
        pair.key.display()
    )
}

fn trusting(authority: &Path) -> Tls {
    Tls {
        enabled: true,
        ca_file: authority.to_owned(),
        ..Tls::default()
    }
}

fn showing(authority: &Path, pair: &Pair) -> Tls {
    Tls {
        certificate_file: pair.certificate.clone(),
        key_file: pair.key.clone(),
        ..trusting(authority)
    }
}

#[test]
fn nothing_is_lost_over_tls_when_the_broker_restarts() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let broker = authority.vouch("broker", HERE, VALID);
    let ours = authority.vouch("node", HERE, VALID);
    let dir = open_folder();
    let plain = free_port().unwrap();
    for protocol in [Protocol::V3, Protocol::V5] {
        // A second door without TLS, for who listens.
        let extra = format!(
            "{}require_certificate true\nmax_inflight_messages 3\nlistener {plain} 127.0.0.1\n",
            tls(&authority.file(), &broker)
        );
        let mut broker = Broker::start(dir.path(), free_port().unwrap(), &extra).unwrap();
        let sink = Sink::start(broker.port(), |settings| {
            settings.protocol = protocol;
            settings.tls = showing(&authority.file(), &ours);
        });
        sink.wait_state(State::Connected);
        for n in 0..300 {
            sink.put("demo/n", &n.to_string());
        }
        broker.go_away().unwrap();
        sink.wait_state(State::Connecting);
        broker.come_back().unwrap();
        let listener = Listener::on(plain);
        let account = sink.wait_account(|account| account.stored == 0);
        assert_eq!((account.accepted, account.sent), (300, 300), "{protocol:?}");
        sink.put("demo/n", "last");
        listener.wait_text("demo/n", "last");
        sink.stop();
        listener.wait_text("/availability", "stopped");
    }
}

#[test]
fn user_and_password_go_through_tls_too() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let dir = open_folder();
    let passwords = dir.path().join("passwords");
    super::authority::write(&passwords, "");
    let made = std::process::Command::new("mosquitto_passwd")
        .arg("-b")
        .arg(&passwords)
        .args(["node", "right"])
        .status();
    if !made.is_ok_and(|status| status.success()) {
        vigla_testkit::skip("no `mosquitto_passwd`: install the package `mosquitto`");
        return;
    }
    let (right, wrong) = (dir.path().join("right"), dir.path().join("wrong"));
    super::authority::write(&right, "right\n");
    super::authority::write(&wrong, "wrong\n");
    let extra = format!(
        "{}allow_anonymous false\npassword_file {}\n",
        tls(&authority.file(), &authority.vouch("broker", HERE, VALID)),
        passwords.display()
    );
    let broker = Broker::start(dir.path(), free_port().unwrap(), &extra).unwrap();
    for protocol in [Protocol::V3, Protocol::V5] {
        let with = |secret: &Path| {
            Sink::start(broker.port(), |settings| {
                settings.protocol = protocol;
                settings.tls = trusting(&authority.file());
                settings.user = "node".into();
                settings.password_file = secret.to_owned();
            })
        };
        let sink = with(&right);
        sink.put("demo/n", "1");
        sink.wait_account(|account| account.sent == 1);
        let sink = with(&wrong);
        sink.wait_state(State::Refused);
        sink.wait_problem("broker-refused");
        // Nobody was asked: it is not the broker that refuses.
        let sink = with(&dir.path().join("nothing"));
        sink.wait_problem("tls-file");
    }
}

#[test]
fn each_fault_of_a_certificate_has_its_name() {
    let (Some(authority), Some(other)) = (Authority::new(), Authority::new()) else {
        return;
    };
    let good = authority.vouch("good", HERE, VALID);
    let (ca, dir) = (authority.file(), open_folder());
    let server = |pair: &Pair| tls(&ca, pair);
    let trust = || trusting(&ca);
    let mixed = Tls {
        key_file: other.vouch("key", HERE, VALID).key,
        ..showing(&ca, &good)
    };
    let missing = trusting(&dir.path().join("nothing.pem"));
    let empty = trusting(&good.key);
    let wanting = format!("{}require_certificate true\n", server(&good));
    let foreign = showing(&ca, &other.vouch("node", HERE, VALID));
    for (code, extra, tls) in [
        ("broker-untrusted", server(&good), trusting(&other.file())),
        (
            "broker-expired",
            server(&authority.vouch("old", HERE, EXPIRED)),
            trust(),
        ),
        (
            "broker-not-yet",
            server(&authority.vouch("new", HERE, NOT_YET)),
            trust(),
        ),
        (
            "broker-name",
            server(&authority.vouch("name", "DNS:elsewhere.example", VALID)),
            trust(),
        ),
        ("broker-no-tls", String::new(), trust()),
        ("broker-wants-certificate", wanting.clone(), trust()),
        ("broker-wants-certificate", wanting, foreign),
        ("tls-key", server(&good), mixed),
        ("tls-file", server(&good), missing),
        ("tls-file", server(&good), empty),
    ] {
        let broker = Broker::start(dir.path(), free_port().unwrap(), &extra).unwrap();
        for protocol in [Protocol::V3, Protocol::V5] {
            let sink = Sink::start(broker.port(), |settings| {
                settings.protocol = protocol;
                settings.tls = tls.clone();
            });
            sink.put("demo/n", "kept");
            sink.wait_problem(code);
            assert_eq!(sink.outbox.account().sent, 0, "{code}");
        }
    }
}

/// Most home brokers: one certificate that is its own authority, named as `ca_file`.
#[test]
fn a_broker_that_vouches_for_itself_is_trusted_by_its_very_certificate() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let dir = open_folder();
    let own = authority.own("own", HERE, VALID);
    let same = authority.own("same", HERE, VALID);
    let named = authority.own("named", "DNS:elsewhere.example", VALID);
    let old = authority.own("old", HERE, EXPIRED);
    let file = |pair: &Pair| pair.certificate.clone();
    for (pair, trusted, wanted) in [
        (&own, file(&own), None),
        // Another one.
        (&own, file(&same), Some("broker-untrusted")),
        (&own, authority.file(), Some("broker-untrusted")),
        (&named, file(&named), Some("broker-name")),
        (&old, file(&old), Some("broker-expired")),
    ] {
        let extra = tls(&pair.certificate, pair);
        let broker = Broker::start(dir.path(), free_port().unwrap(), &extra).unwrap();
        for protocol in [Protocol::V3, Protocol::V5] {
            let sink = Sink::start(broker.port(), |settings| {
                settings.protocol = protocol;
                settings.tls = trusting(&trusted);
            });
            sink.put("demo/n", "1");
            match wanted {
                None => drop(sink.wait_account(|account| account.sent == 1)),
                Some(problem) => {
                    sink.wait_problem(problem);
                    assert_eq!(sink.outbox.account().sent, 0, "{problem}");
                }
            }
        }
    }
}

fn version5(settings: &mut Settings) {
    settings.protocol = Protocol::V5;
}

#[test]
fn what_the_broker_refuses_is_dropped_counted_and_told() {
    use vigla_metrics::outbox::Reason;
    let dir = open_folder();
    let rights = dir.path().join("rights");
    super::authority::write(
        &rights,
        "topic readwrite demo/#\ntopic readwrite vigla/#\ntopic read homeassistant/#\n",
    );
    let extra = format!("acl_file {}\nmax_packet_size 2000\n", rights.display());
    let broker = Broker::start(dir.path(), free_port().unwrap(), &extra).unwrap();
    let sink = Sink::start(broker.port(), version5);
    sink.put("elsewhere/n", "1");
    sink.put("demo/n", "2");
    sink.put("demo/n", &"x".repeat(3000));
    let account = sink.wait_account(|account| account.stored == 0 && account.accepted == 3);
    assert_eq!((account.sent, account.dropped.by(Reason::Refused)), (1, 2));
    sink.wait_problem("message-refused");
    for _ in 0..120 {
        sink.put("demo/n", "3");
    }
    until("peace", PATIENCE, || {
        sink.problems.list().is_empty().then_some(())
    })
    .unwrap();
}

#[test]
fn a_persistent_session_hears_what_was_said_meanwhile() {
    let dir = open_folder();
    let document = ("homeassistant/sensor/x/config".to_owned(), "{}".to_owned());
    for (protocol, persistent, times) in [
        (Protocol::V3, true, 2),
        (Protocol::V5, true, 2),
        (Protocol::V3, false, 1),
    ] {
        let broker = Broker::start(dir.path(), free_port().unwrap(), "").unwrap();
        let start = || {
            let (disk, documents) = (opener(&RamDisk::default()), [document.clone()].into());
            Sink::start_announcing(documents, disk, broker.port(), |settings| {
                settings.protocol = protocol;
                settings.persistent_session = persistent;
            })
        };
        let sink = start();
        sink.put("demo/n", "first");
        sink.wait_account(|account| account.sent == 1);
        sink.stop();
        let listener = Listener::on(broker.port());
        listener.wait_text("/config", "{}");
        listener.say("homeassistant/status", "online");
        listener.wait_text("homeassistant/status", "online");
        let sink = start();
        let documents = || {
            let heard = listener.all();
            heard
                .iter()
                .filter(|heard| heard.text == "{}" && !heard.retained)
                .count()
        };
        // At the connection, and again for who has started meanwhile.
        until("the documents", PATIENCE, || {
            (documents() >= times).then_some(())
        })
        .unwrap();
        sink.put("demo/n", "last");
        listener.wait_text("demo/n", "last");
        assert_eq!(documents(), times, "{protocol:?}");
    }
}
