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
fn knows_what_the_network_can_reach() {
    for (text, loopback) in [
        ("0.0.0.0:8080", false),
        ("192.168.1.2:80", false),
        ("[::]:8080", false),
        ("127.0.0.1:8080", true),
        ("[::1]:0", true),
        ("127.9.9.9:1", true),
    ] {
        assert_eq!(
            Listen::parse(text).unwrap().is_loopback(),
            loopback,
            "{text}"
        );
    }
}

const CONNECTIONS: &str = "a number of connections, a whole number from 1 to 4096";

/// Each key, what may not stand there, and what the answer names.
const WRONGS: [vigla_testkit::Wrong<'_>; 24] = [
    (
        "listen",
        &["8080", "'localhost'", "'127.0.0.1'"],
        "like \"127.0.0.1:8080\"",
    ),
    ("names", &["'a'", "1"], "a list"),
    ("open", &["1", "'yes'"], "true or false"),
    ("site", &["1", "[]"], "a path in quotes"),
    ("tls", &["1", "[]"], "a table"),
    ("tls.port", &["0", "-1", "65536", "'x'"], "from 1 to 65535"),
    ("tls.port", &["8080"], "the port of `listen`"),
    ("tls.certificate", &["1", "[]"], "a path in quotes"),
    ("tls.certificate", &["'/etc/x.pem'"], "it needs `tls.key`"),
    ("tls.key", &["1"], "a path in quotes"),
    ("tls.key", &["'/etc/x.key'"], "it needs `tls.certificate`"),
    ("login", &["1", "[]"], "a table"),
    (
        "login.idle",
        &["'59s'", "'31days'", "'9'", "10"],
        "\"1m\" to \"30days\"",
    ),
    (
        "login.longest",
        &["'59s'", "'31days'", "'x'"],
        "\"1m\" to \"30days\"",
    ),
    ("login.owner_file", &["1", "[]"], "a path in quotes"),
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
