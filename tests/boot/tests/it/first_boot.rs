//! The first boot of a fresh card.

use std::time::Duration;

use vigla_boot_tests::{Card, Door, Guest, Lan, image};
use vigla_testkit::until;

const SETTLED: Duration = Duration::from_mins(5);

#[test]
fn everything_starts_and_counts() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "first-boot").unwrap();
    let mut guest = Guest::start(&card).unwrap();
    let mut agent = guest.agent().unwrap();
    let state = agent.ask("systemctl is-system-running --wait").unwrap();
    let failed = agent.run("systemctl --failed --plain --no-legend").unwrap();
    assert_eq!(
        (state.text.as_str(), failed.as_str()),
        ("running", ""),
        "{}",
        guest.last_words()
    );
    for name in ["Camera1", "Detector1", "Metrics1", "Gateway1", "Updater1"] {
        agent
            .run(&format!("busctl status org.vigla.{name}"))
            .unwrap();
    }
    until("a message in the broker", SETTLED, || {
        let queue = agent.run("viglactl metrics queue --json").ok()?;
        let queue: serde_json::Value = serde_json::from_str(&queue).ok()?;
        (queue["sent"].as_u64()? > 0).then_some(())
    })
    .unwrap();
    println!("{}", agent.run("viglactl status").unwrap());
    println!("{}", agent.run("systemd-analyze time").unwrap());
    let page = guest.get("/").unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    guest.cut().unwrap();
}

/// Those of `image/ports.toml` that are always open in the firewall.
const DOCUMENTED: [u16; 6] = [8000, 8001, 8002, 8080, 8083, 8443];
/// What listens on loopback, or might: broker, kubelet, its metrics, the API server, name service.
const OTHERS: [u16; 8] = [1883, 5353, 5355, 6443, 10249, 10250, 10256, 8883];

#[test]
fn only_documented_ports_answer() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "ports").unwrap();
    let mut lan = Lan::new().unwrap();
    let mut guest = Guest::start_on(&lan, &card).unwrap();
    let mut agent = guest.agent().unwrap();
    agent.ask("systemctl is-system-running --wait").unwrap();
    let doors = lan.look((1..1024).chain(DOCUMENTED).chain(OTHERS)).unwrap();
    let of = |wanted: Door| {
        let found = doors.iter().filter(|(_, door)| *door == wanted);
        found.map(|(port, _)| *port).collect::<Vec<_>>()
    };
    assert_eq!(of(Door::Open), [8080, 8443], "{}", guest.last_words());
    // The firewall lets them through; their services are not there yet.
    assert_eq!(of(Door::Closed), [8000, 8001, 8002, 8083]);
}
