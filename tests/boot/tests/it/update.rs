//! Updates, good ones and bad ones, through RAUC, U-Boot and the mission gate.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use vigla_boot_tests::{Agent, Card, Guest, HOST, Writes, bundle, image};
use vigla_testkit::{Habits, Web};

use super::node::{accepted, fresh, history, hurry, running, settle_well, viglactl};

fn serve(card: &Card, name: &str, puts: &[(&str, &str)], version: &str, cuts: &[usize]) -> Web {
    let bundle = bundle(card.beside(), name, version, puts).unwrap();
    let content = std::fs::read(&bundle).unwrap();
    Web::start(Habits {
        content,
        tag: format!("\"{name}\""),
        cuts: cuts.to_vec(),
        ..Habits::default()
    })
    .unwrap()
}

/// Installs what `web` has, without the restart.
pub(crate) fn install(agent: &mut Agent, web: &Web) {
    let order = format!(
        "update install --no-restart {}",
        web.url_at(HOST, "/bundle")
    );
    let end = viglactl(agent, &order);
    assert_eq!(end["result"], "done", "{end}");
}

fn identity(agent: &mut Agent) -> String {
    let ask = "cat /etc/machine-id /etc/hostname /etc/vigla/mine";
    agent.run(ask).unwrap()
}

/// An update, from the first boot to the mission gate, with every write that the card has seen.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The card as it was at the end.
    pub(crate) card: Card,
    /// The log of its writes.
    pub(crate) log: PathBuf,
    /// From this write on the identity must be there.
    pub(crate) settled: u64,
    /// The node's machine id.
    pub(crate) id: String,
}

/// It is done once, for all tests; `None` when there is no image.
pub(crate) fn recorded() -> Option<&'static Recorded> {
    static RUN: OnceLock<Option<Recorded>> = OnceLock::new();
    RUN.get_or_init(|| Some(record(&image()?))).as_ref()
}

fn record(image: &Path) -> Recorded {
    let card = Card::copy(image, "update").unwrap();
    let log = card.beside().join("writes");
    let web = serve(&card, "b", &[], "0.2.0", &[40 << 20, 30 << 20]);
    let options = ["--keep", "--record", log.to_str().unwrap()];
    let mut guest = Guest::start_with(&card, &options, &[]).unwrap();
    let mut agent = guest.agent().unwrap();
    settle_well(&guest, &mut agent);
    agent.run("echo kept > /etc/vigla/mine; sync").unwrap();
    let settled = Writes::open(&log).unwrap().left();
    let (before, counted) = (identity(&mut agent), accepted(&mut agent));
    assert_eq!(running(&mut agent).0, "A");

    install(&mut agent, &web);
    let heard = web.heard();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard[0].ends_with("whole"), "{heard:?}");
    assert!(!heard[2].ends_with("whole"), "resumed: {heard:?}");
    agent.restart().unwrap();
    settle_well(&guest, &mut agent);

    assert_eq!(running(&mut agent), ("B".into(), "0.2.0".into()));
    assert_eq!(identity(&mut agent), before);
    assert!(accepted(&mut agent) >= counted);
    let history = history(&mut agent);
    assert_eq!(history[0]["event"], "passed", "{history:?}");
    assert_eq!(history[0]["version"], "0.2.0", "{history:?}");
    let tries = agent.run("fw_printenv BOOT_B_LEFT").unwrap();
    assert_eq!(tries, "BOOT_B_LEFT=3", "the gate gave the tries back");
    agent.run("sync").unwrap();
    let id = agent.run("cat /etc/machine-id").unwrap();
    guest.cut().unwrap();
    Recorded {
        card,
        log,
        settled,
        id,
    }
}

#[test]
fn an_update_over_a_line_that_is_cut_stays_and_keeps_what_is_the_owners() {
    // What is asserted is in `record`.
    recorded();
}

#[test]
#[ignore = "minutes; `cargo xtask test --full` goes back"]
fn back_to_the_version_before_without_a_download() {
    let Some(run) = recorded() else { return };
    let mut guest = Guest::start(&run.card).unwrap();
    let mut agent = guest.agent().unwrap();
    settle_well(&guest, &mut agent);
    let before = identity(&mut agent);
    // The restart may come before the answer.
    agent.order("viglactl update rollback").unwrap();
    agent.again().unwrap();
    settle_well(&guest, &mut agent);
    assert_eq!(running(&mut agent).0, "A");
    assert_eq!(identity(&mut agent), before);
}

#[test]
fn a_version_whose_detector_cannot_start_is_left_and_the_dossier_says_so() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "broken-detector").unwrap();
    let broken = [("usr/libexec/vigla/vigla-detector", "#!/bin/sh\nexit 70\n")];
    let web = serve(&card, "c", &broken, "0.3.0", &[]);
    let (guest, mut agent) = fresh(&card);
    let before = running(&mut agent);
    hurry(&mut agent, "60s");
    install(&mut agent, &web);
    // One start is enough to see the gate; that all three are spent is seen with the dead init.
    agent.run("fw_setenv BOOT_B_LEFT 1").unwrap();
    agent.restart().unwrap();
    assert_eq!(running_slot(&mut agent), "B");
    // The gate restarts the node by itself.
    agent.again().unwrap();
    settle_well(&guest, &mut agent);

    assert_eq!(running(&mut agent), before);
    let history = history(&mut agent);
    assert_eq!(history[0]["event"], "fell-back", "{history:?}");
    assert_eq!(history[1]["event"], "failed", "{history:?}");
    assert_eq!(history[1]["result"], "services", "{history:?}");
    let checks = history[1]["dossier"]["checks"].as_array().unwrap();
    let services = &checks[0];
    assert_eq!(
        (&services["name"], &services["state"]),
        (&"services".into(), &"failed".into())
    );
    assert!(services["subject"].as_str().unwrap().contains("detector"));
    let told = agent.run("viglactl update history").unwrap();
    assert!(told.contains("detector"), "{told}");
    println!("{told}");
}

#[test]
fn a_version_whose_init_dies_is_left_when_its_tries_are_spent() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "dead-init").unwrap();
    let dead = [("usr/lib/systemd/systemd", "#!/bin/sh\nexit 1\n")];
    let web = serve(&card, "d", &dead, "0.4.0", &[]);
    let (guest, mut agent) = fresh(&card);
    let before = running(&mut agent);
    install(&mut agent, &web);
    agent.restart().unwrap();
    settle_well(&guest, &mut agent);

    assert_eq!(running(&mut agent), before);
    let said = std::fs::read(card.log()).unwrap();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(said.matches("Kernel panic").count(), 3);
    let history = history(&mut agent);
    assert_eq!(history[0]["event"], "fell-back", "{history:?}");
    assert_eq!(history[0]["version"], "0.4.0");
}

/// As soon as it can be asked.
fn running_slot(agent: &mut Agent) -> String {
    let line = "tr ' ' '\\n' < /proc/cmdline | sed -n 's/^rauc.slot=//p'";
    agent.run(line).unwrap()
}
