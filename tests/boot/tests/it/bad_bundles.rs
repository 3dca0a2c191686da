//! Bundles that must not be installed, on a device with its own RAUC, dm-verity and U-Boot.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use serde_json::Value;
use vigla_boot_tests::{Agent, Card, Environment, HOST, image, partition, small_bundle};
use vigla_testkit::{Habits, Web};

use super::node::{fresh, viglactl};

#[test]
fn bad_bundles_are_refused_each_by_its_word_and_the_other_slot_keeps_its_bytes() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "bad-bundles").unwrap();
    let make = |name: &str, more: &[&str]| small_bundle(card.beside(), name, more).unwrap();
    let other = card.beside().join("other");
    let good = make("good", &[]);
    let cut = good[..good.len() - 3000].to_vec();
    let cases = [
        ("older", make("old", &["--version", "0.0.1"])),
        ("wrong-machine", make("pi", &["--machine", "rpi4"])),
        ("plain-format", make("plain", &["--format", "plain"])),
        (
            "wrong-key",
            make("foreign", &["--authority", other.to_str().unwrap()]),
        ),
        ("damaged", cut),
        ("swapped", good.clone()),
    ];
    let mut flipped = good;
    flipped[300 << 10] ^= 1;
    let files = cases
        .iter()
        .map(|(word, bytes)| (format!("/{word}"), bytes.clone()));
    let web = Web::start(Habits {
        files: files.chain([("/flipped".into(), flipped)]).collect(),
        ..Habits::default()
    })
    .unwrap();

    let (guest, mut agent) = fresh(&card);
    let before = head_of_slot_b(&mut agent);
    for (word, _) in &cases {
        let hash = format!("--manifest-hash {}", "0123456789abcdef".repeat(4));
        let more = if *word == "swapped" { &*hash } else { "" };
        let end = install(&mut agent, &web, word, more);
        assert_eq!(end["result"], *word, "{end}");
    }
    assert_eq!(head_of_slot_b(&mut agent), before, "no byte was written");
    let end = install(&mut agent, &web, "flipped", "");
    assert_eq!(end["result"], "damaged", "{end}");
    let status = viglactl(&mut agent, "update status");
    let next = status["slots"].as_array().unwrap().iter();
    let next = next.filter(|slot| slot["next"] == true);
    assert!(next.map(|slot| &slot["name"]).eq(["A"]), "{status}");
    agent.run("sync").unwrap();
    guest.cut().unwrap();

    let env = partition(&card.path(), "env").unwrap();
    let mut bytes = vec![0; 0x8000];
    let raw = File::open(card.path()).unwrap();
    raw.read_exact_at(&mut bytes, env.start).unwrap();
    assert_eq!(Environment::of(&bytes).choose(), Some('A'));
}

/// How the job ends.
fn install(agent: &mut Agent, web: &Web, name: &str, more: &str) -> Value {
    let address = web.url_at(HOST, &format!("/{name}"));
    let order = format!("viglactl --json update install --no-restart {more} {address}");
    let said = agent.ask(&order).unwrap();
    let end = said.text.lines().find(|line| line.starts_with('{'));
    let end = end.unwrap_or_else(|| panic!("{name}: {}", said.text));
    serde_json::from_str(end).unwrap()
}

/// As much of it as the bundles here would overwrite, and more.
fn head_of_slot_b(agent: &mut Agent) -> String {
    agent
        .run("head -c 8M /dev/disk/by-partlabel/root-b | sha256sum")
        .unwrap()
}
