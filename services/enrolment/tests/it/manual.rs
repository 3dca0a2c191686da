//! The shipped default file is the manual: it says what is true without it.

use std::path::{Path, PathBuf};

use vigla_enrolment::Settings;
use vigla_kit::config;
use vigla_testkit::{Wrong, refusals};

fn place() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dist/usr/lib/vigla")
}

#[test]
fn the_manual_holds_every_default() {
    let loaded = config::load::<Settings>("enrolment", &[place()]).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    let text = std::fs::read_to_string(place().join("enrolment.d/10-default.toml")).unwrap();
    let shown: toml::Table = config::show(&Settings::default()).unwrap().parse().unwrap();
    let manual: toml::Table = text.parse().unwrap();
    assert_eq!(manual, shown, "a key is missing in the manual");
}

fn load(root: &Path) -> Option<String> {
    let loaded = config::load::<Settings>("enrolment", &[root.to_owned()]);
    loaded.err().map(|error| error.to_string())
}

const PATH: &str = "a path in quotes";

/// Each key, what may not stand there, and what the answer names.
const WRONGS: [Wrong<'_>; 3] = [
    ("file", &["5"], PATH),
    ("erase_requests", &["[]"], PATH),
    ("board_number", &["true"], PATH),
];

#[test]
fn every_wrong_value_is_told_with_its_line_and_what_is_right() {
    let shown = config::show(&Settings::default()).unwrap();
    let amiss = refusals("enrolment", &shown, &WRONGS, load);
    assert_eq!(amiss.unwrap(), Vec::<String>::new());
}
