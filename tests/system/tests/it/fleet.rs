//! The page's section on the way into a fleet: from no claim to the green sentence.

use serde_json::json;
use vigla_bus::enrolment::{Check, told};
use vigla_system_tests::browser::Browser;
use vigla_system_tests::{Scene, Site};
use vigla_testkit::peers::{Peer, Way};

use super::page::open;
use super::upkeep::{click, keep, part, says};

/// In the year 2096.
const LATER: u64 = 4_000_000_000_000_000;

/// Of the sentence: green when all is well.
fn colour(browser: &Browser) -> serde_json::Value {
    let script = format!("return getComputedStyle({}).color", part("fleet-said"));
    browser.run(&script).unwrap()
}

fn current(browser: &Browser, step: &str) {
    let script = format!(
        "return {}?.querySelector('[aria-current]')?.innerText === {}",
        part("fleet-steps"),
        json!(step)
    );
    browser.wait(step, &script).unwrap();
}

#[test]
fn from_no_claim_to_the_green_sentence() {
    let site = Site::with_stand_ins(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let way = Way::default();
    way.at("wait-operator", "no-claim", 0);
    let _peer = Peer::enrolment(&site.rig, &way).unwrap();
    let Some(browser) = open(&site) else { return };
    click(&browser, "to-upkeep");
    says(&browser, "fleet-said", "there is no claim on the card");
    says(&browser, "fleet-said", "beside vigla.toml and restart");
    current(&browser, "A claim on the card");
    let before = colour(&browser);

    way.at("key-ready", "no-route", LATER);
    says(&browser, "fleet-said", "the registrar does not answer");
    says(&browser, "fleet-next", "It asks again at");
    current(&browser, "The registrar is found");
    click(&browser, "fleet-retry");
    let asked = || (way.lock().retries == 1).then_some(());
    vigla_testkit::until("it is asked", std::time::Duration::from_secs(20), asked).unwrap();
    way.lock().checks = vec![Check {
        name: "tcp".into(),
        result: "failed".into(),
        detail: "the registrar does not answer".into(),
        fix: "check that the network lets this node out".into(),
    }];
    click(&browser, "fleet-check");
    says(
        &browser,
        "fleet-checks",
        "Check that the network lets this node out.",
    );
    keep(&browser, "fleet");

    way.at("installed", "waits-for-node", LATER);
    current(&browser, "The node joins its cluster");
    way.at("confirmed", "", 0);
    says(&browser, "fleet-said", "The node belongs to its fleet.");
    assert_eq!(told("confirmed", ""), "The node belongs to its fleet.");
    let done = format!(
        "return {}.querySelectorAll('.done').length === 5",
        part("fleet-steps")
    );
    browser.wait("every step is done", &done).unwrap();
    assert_ne!(colour(&browser), before, "it is green");
    keep(&browser, "fleet-green");
}
