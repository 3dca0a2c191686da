//! The shipped default file is the manual: it says what is true without it.

use std::path::{Path, PathBuf};

use vigla_kit::config;
use vigla_metrics::Settings;
use vigla_testkit::{Wrong, refusals};

fn place() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dist/usr/lib/vigla")
}

#[test]
fn the_manual_holds_every_default() {
    let loaded = config::load::<Settings>("metrics", &[place()]).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    let text = std::fs::read_to_string(place().join("metrics.d/10-default.toml")).unwrap();
    let shown: toml::Table = config::show(&Settings::default()).unwrap().parse().unwrap();
    let manual: toml::Table = text.parse().unwrap();
    assert_eq!(
        keys(&manual),
        keys(&shown),
        "a key is missing in the manual"
    );
}

fn keys(table: &toml::Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => {
                keys.extend(self::keys(inner).into_iter().map(|k| format!("{key}.{k}")));
            }
            _ => keys.push(key.clone()),
        }
    }
    keys.sort();
    keys
}

fn load(root: &Path) -> Option<String> {
    let loaded = config::load::<Settings>("metrics", &[root.to_owned()]);
    loaded.err().map(|error| error.to_string())
}

const SWITCH: &str = "true or false";

/// Each key, what may not stand there, and what the answer names.
const WRONGS: [Wrong<'_>; 44] = [
    (
        "broker",
        &["1883", "'localhost'", "'mqtt://a:1'", "'a:0'"],
        "like \"localhost:1883\"",
    ),
    ("protocol", &["5", "'4'", "3.1"], "\"3.1.1\" or \"5\""),
    ("persistent_session", &["1", "'yes'"], SWITCH),
    ("user", &["5", "[]"], "text in quotes"),
    ("password_file", &["5"], "a path in quotes"),
    ("password_file", &["'/x'"], "needs `user`"),
    (
        "keep_alive",
        &["'10ms'", "'19h'", "'30'", "30"],
        "\"1s\" to \"18h\"",
    ),
    (
        "longest_wait",
        &["'0s'", "'2h'", "true"],
        "\"1s\" to \"1h\"",
    ),
    ("tls", &["true"], "a table"),
    ("tls.enabled", &["1", "'on'"], SWITCH),
    ("tls.ca_file", &["5"], "a path in quotes"),
    ("tls.ca_file", &["'/x'"], "needs `enabled = true`"),
    ("tls.certificate_file", &["5"], "a path in quotes"),
    ("tls.certificate_file", &["'/x'"], "needs `enabled = true`"),
    ("tls.key_file", &["5"], "a path in quotes"),
    ("tls.key_file", &["'/x'"], "needs `enabled = true`"),
    ("topics", &["true"], "a table"),
    ("topics.counts", &["1", "'yes'"], SWITCH),
    ("topics.detections", &["1", "'yes'"], SWITCH),
    ("topics.events", &["1", "'yes'"], SWITCH),
    ("topics.updates", &["1", "'yes'"], SWITCH),
    ("legacy.enabled", &["0"], SWITCH),
    (
        "legacy.prefix",
        &["'a/#'", "''", "'$SYS'", "5"],
        "like \"demo\" or \"site/demo\"",
    ),
    ("legacy.labels", &["'car'", "5"], "a list in brackets"),
    ("legacy.labels", &["['car', '']"], "a label is not empty"),
    ("legacy.labels", &["['car', 5]"], "text in quotes"),
    ("discovery.enabled", &["'on'"], SWITCH),
    ("discovery.prefix", &["'/'", "1.5"], "the start of a topic"),
    (
        "hold.messages",
        &["99", "-1", "9999999", "'9'"],
        "messages, a whole number from 100 to 1000000",
    ),
    (
        "hold.bytes",
        &["5", "2e6", "'4 MiB'"],
        "bytes, a whole number from 131072 to 1073741824",
    ),
    (
        "queue.bytes",
        &["5", "'64 MiB'"],
        "bytes, a whole number from 2097152 to 68719476736",
    ),
    ("queue.age", &["'1s'", "7"], "\"1m\" to"),
    ("queue.keep", &["'all'", "1"], "\"newest\" or \"oldest\""),
    (
        "queue.sync_over_budget",
        &["'0s'", "'11m'", "30"],
        "\"1s\" to \"10m\"",
    ),
    ("gather.sockets", &["5"], "a path in quotes"),
    (
        "gather.patience",
        &["'0s'", "'soon'", "1", "'2min'"],
        "\"10ms\" to \"1m\"",
    ),
    ("health.enabled", &["1", "'on'"], SWITCH),
    (
        "health.disk_percent",
        &["49", "101", "0.9", "'90 %'"],
        "percent of the space, a whole number from 50 to 100",
    ),
    (
        "health.memory_percent",
        &["-1", "51"],
        "percent of the memory, a whole number from 0 to 50",
    ),
    (
        "health.celsius",
        &["39", "'80 C'"],
        "degrees Celsius, a whole number from 40 to 120",
    ),
    (
        "health.card_days",
        &["-1", "36501", "'1y'"],
        "a number of days, a whole number from 0 to 36500",
    ),
    (
        "health.endurance_bytes",
        &["-1", "1e12", "'30 TB'"],
        "a number of bytes, a whole number from 0 to",
    ),
    (
        "health.written_bytes_a_day",
        &["0", "'2 GB'"],
        "a number of bytes, a whole number from 1000000 to",
    ),
    (
        "brokr",
        &["'a:1'"],
        "unknown field `brokr`, expected one of `broker`",
    ),
];

#[test]
fn every_wrong_value_is_told_with_its_line_and_what_is_right() {
    let shown = config::show(&Settings::default()).unwrap();
    let amiss = refusals("metrics", &shown, &WRONGS, load);
    assert_eq!(amiss.unwrap(), Vec::<String>::new());
}

/// The parser of `vigla-kit`, which is that of every service.
#[test]
fn any_damage_to_a_settings_file_is_survived() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("metrics.d/50-site.toml");
    std::fs::create_dir(root.path().join("metrics.d")).unwrap();
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "settings", |bytes| {
        vigla_kit::atomic::write(&file, bytes).unwrap();
        assert!(load(root.path()).is_none_or(|said| !said.is_empty()));
    });
}
