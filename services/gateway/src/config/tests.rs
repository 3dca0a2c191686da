use super::*;

const MANUAL: &str = include_str!("../../dist/usr/lib/vigla/gateway.d/10-default.toml");

#[test]
fn the_manual_says_the_defaults() {
    assert_eq!(
        toml::from_str::<Settings>(MANUAL).unwrap(),
        Settings::default()
    );
}

#[test]
fn the_manual_has_every_key() {
    let ours = toml::Table::try_from(Settings::default()).unwrap();
    let theirs: toml::Table = MANUAL.parse().unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn refuses_what_the_network_could_reach() {
    for text in ["0.0.0.0:8080", "192.168.1.2:80", "[::]:8080"] {
        let error = Listen::parse(text).unwrap_err();
        assert!(error.contains("no log-in"), "{error}");
    }
    for text in ["127.0.0.1:8080", "[::1]:0", "127.9.9.9:1"] {
        Listen::parse(text).unwrap();
    }
}

const CONNECTIONS: &str = "a number of connections, a whole number from 1 to 4096";

/// Each key, what may not stand there, and what the answer names.
const WRONGS: [vigla_testkit::Wrong<'_>; 11] = [
    (
        "listen",
        &["8080", "'localhost'", "'127.0.0.1'"],
        "like \"127.0.0.1:8080\"",
    ),
    ("listen", &["'0.0.0.0:80'"], "use \"127.0.0.1:80\""),
    ("limits", &["1", "[]"], "a table"),
    (
        "limits.connections",
        &["0", "-1", "99999999", "1.5", "'9'"],
        CONNECTIONS,
    ),
    (
        "limits.connections_per_address",
        &["0", "5000", "true"],
        CONNECTIONS,
    ),
    (
        "limits.header_timeout",
        &["'0s'", "'1h'", "'9'", "10"],
        "\"100ms\" to \"10m\"",
    ),
    (
        "limits.write_stall",
        &["'0s'", "'1h'", "'5 parsecs'", "5"],
        "\"1s\" to \"10m\"",
    ),
    (
        "stream.frame_rate",
        &["0", "241", "-1", "nan", "'9'"],
        "0.01 to 240 a second",
    ),
    (
        "stream.rotate",
        &["'0s'", "'2h'", "'x'", "5"],
        "\"1s\" to \"1h\"",
    ),
    (
        "stream.boxes_quality",
        &["29", "101", "85.5", "'x'"],
        "from 30 to 100",
    ),
    (
        "listn",
        &["1"],
        "unknown field `listn`, expected one of `listen`",
    ),
];

#[test]
fn every_wrong_value_is_told_with_its_line_and_what_is_right() {
    let shown = vigla_kit::config::show(&Settings::default()).unwrap();
    let amiss = vigla_testkit::refusals("gateway", &shown, &WRONGS, |root| {
        let loaded = vigla_kit::config::load::<Settings>("gateway", &[root.to_owned()]);
        loaded.err().map(|error| error.to_string())
    });
    assert_eq!(amiss.unwrap(), Vec::<String>::new());
}
