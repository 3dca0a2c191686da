//! The first boot of a fresh card.

use std::time::Duration;

use vigla_boot_tests::{Card, Guest, image};
use vigla_testkit::until;

const SETTLED: Duration = Duration::from_mins(5);

#[test]
fn everything_starts_and_counts() {
    let Some(image) = image() else { return };
    let card = Card::over(&image).unwrap();
    let mut guest = Guest::start(&card, "first-boot").unwrap();
    let mut agent = guest.agent().unwrap();
    let state = agent.ask("systemctl is-system-running --wait").unwrap();
    let failed = agent.run("systemctl --failed --plain --no-legend").unwrap();
    assert_eq!(
        (state.text.as_str(), failed.as_str()),
        ("running", ""),
        "{}",
        guest.last_words()
    );
    for name in ["Camera1", "Detector1", "Metrics1", "Gateway1"] {
        agent
            .run(&format!("busctl status org.vigla.{name}"))
            .unwrap();
    }
    until("a message in the broker", SETTLED, || {
        let queue = agent.run("viglactl metrics queue --json").ok()?;
        let queue: serde_json::Value = serde_json::from_str(&queue).ok()?;
        println!("{queue}");
        Some(())
    })
    .unwrap();
    println!("{}", agent.run("viglactl status").unwrap());
    println!("{}", agent.run("systemd-analyze time").unwrap());
    let page = guest.get("/").unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    guest.cut().unwrap();
}
