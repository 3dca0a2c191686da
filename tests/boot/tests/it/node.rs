//! What the tests ask a node for.

use std::time::Duration;

use serde_json::Value;
use vigla_boot_tests::{Agent, Card, Guest};
use vigla_testkit::until;

/// From `sysinit.target` until the mission gate has spoken, on a busy machine.
const SETTLED: Duration = Duration::from_mins(10);

/// Waits for the end of a start; the units that failed.
pub(crate) fn settle(agent: &mut Agent) -> String {
    until("the end of the start", SETTLED, || {
        let state = agent.ask("systemctl is-system-running").ok()?.text;
        (!["initializing", "starting"].contains(&state.as_str())).then_some(())
    })
    .unwrap();
    agent
        .run("systemctl list-units --failed --plain --no-legend | cut -d' ' -f1")
        .unwrap()
}

/// Waits for a start that must go well; the serial line and the gate tell why it did not.
pub(crate) fn settle_well(guest: &Guest, agent: &mut Agent) {
    let failed = settle(agent);
    if !failed.is_empty() {
        let why = agent.run("journalctl -b -p notice --no-pager | tail -60");
        panic!(
            "failed: {failed}\n{}\n{}",
            why.unwrap_or_default(),
            guest.last_words()
        );
    }
}

/// A board that has started well for the first time.
pub(crate) fn fresh(card: &Card) -> (Guest, Agent) {
    let mut guest = Guest::start(card).unwrap();
    let mut agent = guest.agent().unwrap();
    settle_well(&guest, &mut agent);
    (guest, agent)
}

/// What `viglactl ARGUMENTS --json` says; its status may also tell of a trouble.
pub(crate) fn viglactl(agent: &mut Agent, arguments: &str) -> Value {
    let said = agent.ask(&format!("viglactl {arguments} --json 2>/dev/null"));
    let text = said.unwrap().text;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments}: {error}: {text}"))
}

/// The slot that runs, and its version.
pub(crate) fn running(agent: &mut Agent) -> (String, String) {
    let status = viglactl(agent, "update status");
    let slots = status["slots"].as_array().unwrap();
    let booted = slots
        .iter()
        .find(|slot| slot["state"] == "running")
        .unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&booted["name"]), text(&status["running"]))
}

/// Messages that the queue has accepted since it exists.
pub(crate) fn accepted(agent: &mut Agent) -> u64 {
    let queue = viglactl(agent, "metrics queue");
    queue["accepted"].as_u64().unwrap()
}

/// The history of updates, newest first, one object per line.
pub(crate) fn history(agent: &mut Agent) -> Vec<Value> {
    let said = agent.run("viglactl update history --json").unwrap();
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Lets the mission gate wait no longer than `deadline`.
pub(crate) fn hurry(agent: &mut Agent, deadline: &str) {
    let text = format!(
        "mkdir -p /etc/vigla/updater.d && printf '[gate]\\ndeadline = \"{deadline}\"\\n' > /etc/vigla/updater.d/50-test.toml && sync"
    );
    agent.run(&text).unwrap();
}
