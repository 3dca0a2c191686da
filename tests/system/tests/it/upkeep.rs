//! The page's view of the node itself: version, updates, what happened, the owner's file, the reset.

use std::path::Path;

use serde_json::json;
use vigla_bus::updater::{HistoryEntry, Release, Slot};
use vigla_system_tests::browser::Browser;
use vigla_system_tests::{Scene, Site};
use vigla_testkit::peers::{Board, Peer};

use super::page::open;

fn slot(name: &str, version: &str, state: &str) -> Slot {
    Slot {
        name: name.into(),
        version: version.into(),
        state: state.into(),
        health: "good".into(),
        next: state == "running",
        proven: true,
    }
}

fn fell_back() -> HistoryEntry {
    let checks = json!([
        {"name": "services", "state": "passed", "subject": "", "after_ms": 4000},
        {"name": "counting", "state": "failed", "subject": "no frame", "after_ms": 300_000},
    ]);
    let dossier = json!({
        "boot_id": "", "checks": checks, "failed_units": ["vigla-detector.service"],
        "kernel": ["[   12.5] EXT4-fs (mmcblk0p5): mounted filesystem"],
    });
    HistoryEntry {
        time_usec: 1_790_000_000_000_000,
        event: "fell-back".into(),
        slot: "B".into(),
        version: "1.2.0".into(),
        before: "1.1.0".into(),
        tries: 3,
        dossier: dossier.to_string(),
        ..HistoryEntry::default()
    }
}

/// A device with two versions, one of which fell back.
fn board() -> Board {
    let board = Board::default();
    let mut shown = board.lock();
    shown.slots = vec![slot("A", "1.1.0", "running"), slot("B", "1.0.0", "idle")];
    shown.history = vec![fell_back()];
    shown.releases = vec![Release {
        version: "1.3.0".into(),
        origin: "feed".into(),
        verdict: "newer".into(),
        ..Release::default()
    }];
    drop(shown);
    board
}

/// A device with such an updater, and its page.
struct Device {
    browser: Browser,
    board: Board,
    _updater: Peer,
    _site: Site,
}

impl Device {
    /// `None` where there is no browser.
    fn open() -> Option<Self> {
        let site = Site::with_stand_ins(Scene::Synthetic).unwrap();
        site.whole().unwrap();
        let board = board();
        let updater = Peer::updater(&site.rig, &board).unwrap();
        Some(Self {
            browser: open(&site)?,
            board,
            _updater: updater,
            _site: site,
        })
    }
}

pub(crate) fn part(name: &str) -> String {
    format!("document.querySelector('[data-testid={name}]')")
}

pub(crate) fn click(browser: &Browser, name: &str) {
    let button = part(name);
    let there =
        format!("const b = {button}; if (!b || b.hidden) return false; b.click(); return true");
    browser.wait(name, &there).unwrap();
}

pub(crate) fn says(browser: &Browser, name: &str, text: &str) {
    let script = format!("return {}?.innerText.includes({})", part(name), json!(text));
    browser
        .wait(&format!("`{text}` in `{name}`"), &script)
        .unwrap();
}

/// A picture for whoever wants to look, in cargo's folder for such.
pub(crate) fn keep(browser: &Browser, name: &str) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
    browser.screenshot(&file).unwrap();
}

fn asked(board: &Board) -> Vec<String> {
    board.lock().asked.clone()
}

#[test]
fn the_owner_updates_goes_back_and_reads_what_failed() {
    let Some(device) = Device::open() else { return };
    let (browser, board) = (&device.browser, &device.board);
    click(browser, "to-upkeep");
    says(browser, "running", "Version 1.1.0 runs");
    says(browser, "slots", "1.0.0");
    says(
        browser,
        "happened",
        "was given up; version 1.1.0 runs again",
    );
    browser
        .run(&format!("{}.open = true", part("dossier")))
        .unwrap();
    says(browser, "dossier", "no frame");
    says(browser, "dossier", "vigla-detector.service");
    keep(browser, "upkeep");

    click(browser, "check");
    says(
        browser,
        "version",
        "Version 1.3.0 in the release feed: newer than this",
    );
    click(browser, "install");
    vigla_testkit::until("it is ordered", std::time::Duration::from_secs(20), || {
        asked(board)
            .contains(&"install feed ".to_owned())
            .then_some(())
    })
    .unwrap();
    board.lock().job = (
        1,
        "fetching".into(),
        0.42,
        "1.3.0".into(),
        String::new(),
        String::new(),
    );
    says(browser, "job", "Fetching, 42 %");
    click(browser, "cancel");
    board.lock().job = (
        1,
        "over".into(),
        0.42,
        "1.3.0".into(),
        "cancelled".into(),
        String::new(),
    );
    says(browser, "version", "Not installed: it was cancelled");

    click(browser, "rollback");
    says(
        browser,
        "version",
        "restarts from slot B, with version 1.0.0",
    );
    assert!(
        !asked(board).contains(&"rollback".to_owned()),
        "it asks first"
    );
    click(browser, "rollback-yes");
    says(browser, "told", "The node restarts now");
    assert_eq!(
        asked(board),
        ["check", "install feed ", "cancel", "rollback"]
    );
}

#[test]
fn a_reset_says_what_is_lost_and_asks() {
    let Some(device) = Device::open() else { return };
    let (browser, board) = (&device.browser, &device.board);
    click(browser, "to-upkeep");
    for text in vigla_bus::reset::KEPT.iter().chain(vigla_bus::reset::LOST) {
        says(browser, "reset", &text.replace('`', ""));
    }
    click(browser, "reset-button");
    says(browser, "reset", vigla_bus::reset::QUESTION);
    assert_eq!(asked(board), Vec::<String>::new());
    click(browser, "reset-button-yes");
    says(browser, "reset", "The node restarts now, and forgets");
    assert_eq!(asked(board), ["reset page"]);
}

#[test]
fn mistakes_in_the_owners_file_are_shown_and_a_laptop_has_no_updates() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let findings = json!({"found": true, "mistakes": [
        {"line": 7, "what": "the passphrase has 5 characters", "fix": "a passphrase has 8 to 63 characters"}]});
    let path = site.rig.dir().join("site.json");
    #[allow(clippy::disallowed_methods, reason = "a file that nobody reads yet")]
    std::fs::write(&path, findings.to_string()).unwrap();
    site.change("gateway", |old| format!("site = {path:?}\n{old}"))
        .unwrap();
    let Some(browser) = open(&site) else { return };
    let sentence = "return document.getElementById('sentence').innerText.includes('vigla.toml has a mistake in line 7')";
    browser
        .wait("the sentence names the line", sentence)
        .unwrap();
    click(&browser, "to-upkeep");
    says(
        &browser,
        "site",
        "Line 7: the passphrase has 5 characters. A passphrase has 8 to 63 characters.",
    );
    says(&browser, "version", "There is no updater here");
    let hidden = format!(
        "return {}.hidden && {}.hidden",
        part("reset"),
        part("happened")
    );
    assert_eq!(browser.run(&hidden).unwrap(), true);
    keep(&browser, "site");
}

#[test]
fn it_fits_a_telephone() {
    let Some(device) = Device::open() else { return };
    let browser = &device.browser;
    browser.resize(360, 740, 2).unwrap();
    click(browser, "to-upkeep");
    says(browser, "slots", "1.0.0");
    let wide = "return document.documentElement.scrollWidth";
    assert!(browser.run(wide).unwrap().as_u64().unwrap() <= 360);
    keep(browser, "upkeep-narrow");
}
