//! The real binary on a private bus, with the shipped policy: it joins, says so, and survives its end.

use std::path::Path;
use std::time::Duration;

use vigla_bus::enrolment::EnrolmentProxy;
use vigla_bus::zbus::proxy::CacheProperties;
use vigla_bus::zbus::{Connection, connection};
use vigla_testkit::{Daemon, Rig};

use crate::double::Double;
use crate::node::block_on;

const PATIENCE: Duration = Duration::from_mins(1);

/// Of the checks.
const ORDER: [&str; 9] = [
    "file", "dns", "tcp", "proxy", "clock", "tls", "pin", "claim", "name",
];

pub(crate) fn start(rig: &Rig, card: &str) -> Daemon {
    start_with(rig, card, &[])
}

/// The same with this in its environment.
pub(crate) fn start_with(rig: &Rig, card: &str, environment: &[(&str, &str)]) -> Daemon {
    let file = rig.dir().join("enrolment.toml");
    if !card.is_empty() {
        vigla_kit::atomic::write(&file, card.as_bytes()).unwrap();
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&file, everybody).unwrap();
    }
    let acts = rig.dir().join("acts");
    std::fs::create_dir_all(&acts).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&acts, everybody).unwrap();
    let settings = format!(
        "file = \"{}\"\nerase_requests = \"{}\"\nboard_number = \"/nonexistent\"\n",
        file.display(),
        acts.display()
    );
    let program = Path::new(env!("CARGO_BIN_EXE_vigla-enrolment"));
    let builder = rig.daemon("enrolment").binary(program);
    let mut builder = builder.settings(&settings).arg("-vv");
    for (name, value) in environment {
        builder = builder.env(name, value);
    }
    builder.start().unwrap()
}

pub(crate) async fn connect(rig: &Rig) -> Connection {
    let address = rig.address();
    let builder = connection::Builder::address(address.as_str());
    builder.build().await.unwrap()
}

pub(crate) async fn proxy(bus: &Connection) -> EnrolmentProxy<'static> {
    let builder = EnrolmentProxy::builder(bus).cache_properties(CacheProperties::No);
    builder.build().await.unwrap()
}

/// Waits for a state, trying at once instead of in time.
pub(crate) async fn wait(bus: &Connection, state: &str, daemon: &Daemon) {
    let proxy = proxy(bus).await;
    let waited = tokio::time::timeout(PATIENCE, async {
        while proxy.state().await.unwrap() != state {
            let _ = proxy.retry().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{}", daemon.log());
}

#[test]
fn the_daemon_joins_and_is_still_in_after_a_restart() {
    let rig = vigla_testkit::peers::rig().unwrap();
    let registrar = Double::start();
    let card = registrar.invitation().write();
    let daemon = start(&rig, &card);
    let node = block_on(async {
        let bus = connect(&rig).await;
        wait(&bus, "confirmed", &daemon).await;
        let proxy = proxy(&bus).await;
        assert_eq!(proxy.generation().await.unwrap(), 1);
        assert_eq!(proxy.device_id().await.unwrap().len(), 20);
        assert!(
            proxy
                .registration_url()
                .await
                .unwrap()
                .starts_with("https://localhost:")
        );
        let checks = proxy.diagnose().await.unwrap();
        let names: Vec<_> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ORDER);
        let failed: Vec<_> = checks.iter().filter(|c| c.result == "failed").collect();
        assert!(failed.is_empty(), "{failed:?}");
        proxy.node_name().await.unwrap()
    });
    assert!(
        daemon.status().contains("belongs to its fleet"),
        "{}",
        daemon.status()
    );
    let sentence = std::fs::read_to_string(rig.run_dir().join("enrolment/sentence"));
    assert_eq!(sentence.unwrap(), "The node belongs to its fleet.\n");
    let request = std::fs::read_to_string(rig.dir().join("acts/request.json"));
    assert_eq!(request.unwrap(), r#"{"id":"joined","key":"claim"}"#);
    let log = daemon.log();
    let claim = registrar.claim.reveal();
    for secret in [&claim[10..], "K10ab", "abcdef.0123456789abcdef", "PRIVATE"] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
    assert!(daemon.stop().unwrap().success());
    let daemon = start(&rig, "");
    block_on(async {
        let bus = connect(&rig).await;
        wait(&bus, "confirmed", &daemon).await;
        assert_eq!(proxy(&bus).await.node_name().await.unwrap(), node);
    });
    assert_eq!(registrar.device().granted, 1);
}

#[test]
fn without_a_card_it_is_well_and_says_what_is_missing() {
    let rig = vigla_testkit::peers::rig().unwrap();
    let daemon = start(&rig, "");
    block_on(async {
        let bus = connect(&rig).await;
        wait(&bus, "wait-operator", &daemon).await;
        assert_eq!(proxy(&bus).await.reason().await.unwrap(), "no-claim");
    });
    assert!(!daemon.status().contains("degraded"), "{}", daemon.status());
    assert!(daemon.stop().unwrap().success());
}

#[test]
fn mistakes_on_the_card_are_told_with_their_line() {
    let rig = vigla_testkit::peers::rig().unwrap();
    let card = Double::start()
        .invitation()
        .write()
        .replace("https:", "http:");
    let daemon = start(&rig, &card);
    block_on(async {
        let bus = connect(&rig).await;
        wait(&bus, "wait-operator", &daemon).await;
        let proxy = proxy(&bus).await;
        assert_eq!(proxy.reason().await.unwrap(), "bad-file");
        let mistakes = proxy.mistakes().await.unwrap();
        assert_eq!(mistakes[0].line, 4);
        assert!(mistakes[0].what.contains("https://"), "{mistakes:?}");
    });
}

#[test]
fn the_first_part_of_the_way_that_fails_is_named() {
    let registrar = Double::start();
    let mut foreign = registrar.invitation();
    foreign.pins = vec![Double::start().ca.pin()];
    let mut nobody = registrar.invitation();
    nobody.endpoint.port = 1;
    let mut nameless = registrar.invitation();
    nameless.endpoint.host = "registrar.invalid".to_owned();
    nameless.addresses.clear();
    for (card, name) in [(foreign, "pin"), (nobody, "tcp"), (nameless, "dns")] {
        let rig = vigla_testkit::peers::rig().unwrap();
        let _daemon = start(&rig, &card.write());
        block_on(async {
            let bus = connect(&rig).await;
            let checks = proxy(&bus).await.diagnose().await.unwrap();
            let failed = checks
                .iter()
                .find(|check| check.result == "failed")
                .unwrap();
            assert_eq!(failed.name, name, "{checks:?}");
            assert!(!failed.fix.is_empty());
        });
    }
}
