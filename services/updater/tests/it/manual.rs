//! The shipped default file is the manual: it says what is true without it.

use std::path::{Path, PathBuf};

use vigla_kit::config;
use vigla_testkit::{Wrong, refusals};
use vigla_updater::Settings;

fn place() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dist/usr/lib/vigla")
}

#[test]
fn the_manual_holds_every_default() {
    let loaded = config::load::<Settings>("updater", &[place()]).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    let text = std::fs::read_to_string(place().join("updater.d/10-default.toml")).unwrap();
    let shown: toml::Table = config::show(&Settings::default()).unwrap().parse().unwrap();
    let manual: toml::Table = text.parse().unwrap();
    assert_eq!(manual, shown, "a key is missing in the manual");
}

fn load(root: &Path) -> Option<String> {
    let loaded = config::load::<Settings>("updater", &[root.to_owned()]);
    loaded.err().map(|error| error.to_string())
}

const PATH: &str = "a path in quotes";
const ADDRESS: &str = "an address without a user";
const TIME: &str = "a time of the day, like \"02:30\"";

/// Each key, what may not stand there, and what the answer names.
const WRONGS: [Wrong<'_>; 18] = [
    ("busy_lock", &["5"], PATH),
    ("sticks", &["[]"], PATH),
    ("restart_requests", &["5"], PATH),
    ("reset_requests", &["5"], PATH),
    ("download", &["true"], "a table"),
    ("download.ca_file", &["5"], PATH),
    (
        "download.reserve_bytes",
        &["-1", "'64 MiB'", "2e6"],
        "a number of bytes, a whole number from 0 to",
    ),
    (
        "download.patience",
        &["'10ms'", "600"],
        "\"1s\" to \"1day\"",
    ),
    (
        "feed.url",
        &["'ftp://a/x'", "'https://u:p@a/x'", "'a'", "5", "'http://'"],
        ADDRESS,
    ),
    ("feed.keys", &["5"], PATH),
    ("feed.every", &["'1s'", "6"], "\"1m\" to \"30days\""),
    (
        "feed.automatic",
        &["'yes'", "true"],
        "\"check\" or \"install\"",
    ),
    (
        "window.days",
        &["['monday']", "['mon', 5]"],
        "a day: \"mon\"",
    ),
    ("window.days", &["'mon'"], "a list in brackets"),
    (
        "window.from",
        &["'2:00'", "'24:00'", "'02:60'", "2", "''"],
        TIME,
    ),
    ("window.to", &["'0200'", "'ab:cd'"], TIME),
    ("gate.deadline", &["'0s'", "'2h'", "60"], "\"1s\" to \"1h\""),
    ("gate.page", &["'127.0.0.1'", "8080"], ADDRESS),
];

#[test]
fn every_wrong_value_is_told_with_its_line_and_what_is_right() {
    let shown = config::show(&Settings::default()).unwrap();
    let amiss = refusals("updater", &shown, &WRONGS, load);
    assert_eq!(amiss.unwrap(), Vec::<String>::new());
}

#[test]
fn a_window_that_never_opens_installs_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("updater.d");
    std::fs::create_dir(&folder).unwrap();
    let text = b"[feed]\nautomatic = \"install\"\n[window]\ndays = []\n";
    vigla_kit::atomic::write(&folder.join("50-site.toml"), text).unwrap();
    let said = load(root.path()).unwrap();
    assert!(
        said.contains("the window never opens") && said.contains("line 4"),
        "{said}"
    );
}
