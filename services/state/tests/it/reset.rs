//! What a reset leaves, whenever the power fails.

use vigla_act::reset::{ORDER, order};
use vigla_state::reset::carry_out;

use crate::stage::Stage;

const KEPT: [&str; 5] = [
    "data/rauc/central.raucs",
    "data/state/var/lib/systemd/timesync/clock",
    "data/state/var/lib/vigla/state/versions.json",
    "data/state/var/lib/vigla/updater/state.json",
    "data/state/var/lib/vigla/updater/trial",
];

fn node() -> Stage {
    let stage = Stage::new();
    for path in KEPT.into_iter().chain([
        "data/state/etc/upper/machine-id",
        "data/state/etc/upper/vigla/secrets/mqtt.password",
        "data/state/var/lib/systemd/random-seed",
        "data/state/var/lib/vigla/gateway/login.json",
        "data/state/var/lib/vigla/metrics/queue/s1",
        "data/state/var/lib/vigla/state/gateway-1.json",
        "data/state/var/lib/vigla/updater/download/part",
        "data/state/var/log/journal/0123/system.journal",
    ]) {
        stage.write(path, path);
    }
    std::fs::create_dir_all(stage.places.at("data/reset")).unwrap();
    stage
}

fn paths(stage: &Stage) -> Vec<String> {
    stage.tree().into_iter().map(|(path, _)| path).collect()
}

#[test]
fn without_an_order_nothing_happens() {
    let stage = node();
    let before = stage.tree();
    assert_eq!(carry_out(&stage.places), None);
    assert_eq!(stage.tree(), before);
}

#[test]
fn with_one_everything_goes_but_what_guards_the_node() {
    let stage = node();
    order(&stage.places, "card").unwrap();
    let said = carry_out(&stage.places).unwrap();
    assert_eq!(
        said.text(),
        "This node was reset, as the file `reset` on the card asked."
    );
    assert_eq!(paths(&stage), KEPT);
    assert_eq!(carry_out(&stage.places), None, "once");
}

#[test]
fn after_a_power_cut_at_any_file_it_goes_on() {
    let lost: Vec<_> = paths(&node())
        .into_iter()
        .filter(|path| !KEPT.contains(&path.as_str()))
        .collect();
    for cut in 0..lost.len() {
        let stage = node();
        order(&stage.places, "page").unwrap();
        for path in &lost[..cut] {
            stage.remove(path);
        }
        assert!(stage.read(ORDER).is_some());
        assert_eq!(carry_out(&stage.places).unwrap().left, Vec::<String>::new());
        assert_eq!(paths(&stage), KEPT);
    }
}

#[test]
fn links_are_removed_and_not_followed() {
    let stage = node();
    stage.write("data/elsewhere/file", "mine");
    for (name, to) in [
        ("folder", "data/elsewhere"),
        ("file", "data/elsewhere/file"),
    ] {
        let link = stage.places.at(format!("data/state/var/lib/vigla/{name}"));
        std::os::unix::fs::symlink(stage.places.at(to), link).unwrap();
    }
    order(&stage.places, "viglactl").unwrap();
    assert_eq!(carry_out(&stage.places).unwrap().left, Vec::<String>::new());
    assert_eq!(stage.read("data/elsewhere/file").unwrap(), "mine");
    assert!(
        stage
            .places
            .at("data/state/var/lib/vigla/folder")
            .symlink_metadata()
            .is_err()
    );
}

#[test]
fn a_node_without_state_is_reset_too() {
    let stage = Stage::new();
    stage.write(ORDER, "whoever\u{1b}[2J");
    let said = carry_out(&stage.places).unwrap();
    assert_eq!(
        said.text(),
        "This node was reset, as `viglactl reset` asked."
    );
    assert_eq!(said.left, Vec::<String>::new());
}
