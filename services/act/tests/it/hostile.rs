//! Requests that want more than they may.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;

use vigla_act::{Error, LARGEST, Refusal, Verb};

use crate::stage::Stage;

const GOOD: &str = r#"{"id": "1", "name": "vigla"}"#;

/// Puts something else in the place of the request, and expects a refusal.
fn refused(prepare: impl FnOnce(&mut Stage)) -> Refusal {
    let mut stage = Stage::new();
    prepare(&mut stage);
    let result = stage.serve(Verb::HostName);
    stage.untouched(Verb::HostName);
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn place(stage: &Stage, text: &str) -> std::path::PathBuf {
    stage.write("run/vigla/act/host-name/request.json", text);
    stage.request(Verb::HostName)
}

#[test]
fn a_stranger_may_not_ask_even_for_something_good() {
    let refusal = refused(|stage| {
        let path = place(stage, GOOD);
        // Without root the file stays ours, and we are made the stranger.
        if chown(&path, Some(65_534), None).is_err() {
            stage.system.members.clear();
        }
    });
    assert!(matches!(refusal, Refusal::Owner(_)), "{refusal}");
}

#[test]
fn a_link_is_not_followed_even_to_a_good_request() {
    let refusal = refused(|stage| {
        let path = place(stage, GOOD);
        let aside = path.with_extension("aside");
        fs::rename(&path, &aside).unwrap();
        symlink(&aside, &path).unwrap();
    });
    assert!(matches!(refusal, Refusal::Link), "{refusal}");
}

#[test]
fn what_is_no_plain_file_is_neither_waited_for_nor_read() {
    for kind in ["folder", "pipe", "socket"] {
        let refusal = refused(|stage| {
            let path = stage.request(Verb::HostName);
            match kind {
                "folder" => fs::create_dir_all(path.join("deep")).unwrap(),
                "pipe" => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                _ => drop(UnixListener::bind(&path).unwrap()),
            }
        });
        assert!(matches!(refusal, Refusal::NotPlain), "{kind}: {refusal}");
    }
}

#[test]
fn a_file_that_others_may_write_or_have_a_name_for_is_refused() {
    let writable = refused(|stage| {
        let path = place(stage, GOOD);
        fs::set_permissions(path, Permissions::from_mode(0o664)).unwrap();
    });
    assert!(
        matches!(writable, Refusal::Shared { mode: 0o664, .. }),
        "{writable}"
    );
    let named = refused(|stage| {
        let path = place(stage, GOOD);
        fs::hard_link(&path, path.with_extension("other")).unwrap();
    });
    assert!(matches!(named, Refusal::Shared { names: 2, .. }), "{named}");
}

#[test]
fn too_much_is_refused_however_good_it_begins() {
    let refusal = refused(|stage| {
        let most = usize::try_from(LARGEST).unwrap();
        place(stage, &format!("{GOOD}{}", " ".repeat(most)));
    });
    assert!(matches!(refusal, Refusal::TooLarge), "{refusal}");
}

#[test]
fn no_request_is_no_act() {
    assert!(matches!(refused(|_| ()), Refusal::Absent));
}

#[test]
fn a_request_that_is_cut_off_anywhere_is_refused() {
    for cut in 0..GOOD.len() {
        Stage::new().refuses(Verb::HostName, &GOOD[..cut]);
    }
}

#[test]
fn host_names_that_are_more_than_a_name_are_refused() {
    for name in [
        "",
        ".",
        "..",
        "../../etc/shadow",
        "a/b",
        "a.b",
        "-a",
        "a-",
        "a b",
        "A",
        "localhost",
        "a\\nb",
        "a\\u0000",
        "$(reboot)",
        "ä",
        "a;b",
    ] {
        let text = GOOD.replace("vigla", name);
        Stage::new().refuses(Verb::HostName, &text);
    }
    let long = GOOD.replace("vigla", &"a".repeat(64));
    Stage::new().refuses(Verb::HostName, &long);
}

#[test]
fn keys_that_are_unknown_twice_or_missing_are_refused() {
    for text in [
        r#"{"id": "1", "name": "vigla", "shell": "sh"}"#,
        r#"{"id": "1", "name": "vigla", "name": "other"}"#,
        r#"{"name": "vigla"}"#,
        r#"{"id": "1"}"#,
        r#"{"id": "../1", "name": "vigla"}"#,
        r#"{"id": "1", "name": ["vigla"]}"#,
        r#"{"id": "1", "name": "vigla"} {}"#,
        "[]",
        "null",
        "id = 1",
    ] {
        Stage::new().refuses(Verb::HostName, text);
    }
    Stage::new().refuses(Verb::HostName, &"[".repeat(10_000));
}

#[test]
fn networks_with_a_hidden_line_or_out_of_bounds_are_refused() {
    let link = |inner: &str| format!(r#"{{"id": "1", "interfaces": [{inner}]}}"#);
    let psk = "ab".repeat(32);
    let wifi = |inner: &str| {
        link(&format!(
            r#"{{"name": "wlan0", "dhcp": true, "wifi": {inner}}}"#
        ))
    };
    for text in [
        link(""),
        link(r#"{"name": "eth0", "dhcp": false}"#),
        link(r#"{"name": "lo", "dhcp": true}"#),
        link(r#"{"name": "../eth0", "dhcp": true}"#),
        link(r#"{"name": "eth0\n[Match]", "dhcp": true}"#),
        link(r#"{"name": "eth0", "dhcp": true}, {"name": "eth0", "dhcp": true}"#),
        link(r#"{"name": "eth0", "dhcp": "yes"}"#),
        link(r#"{"name": "eth0", "dhcp": true, "addresses": ["10.0.0.1"]}"#),
        link(r#"{"name": "eth0", "dhcp": true, "gateway": "10.0.0.1\nDNS=6.6.6.6"}"#),
        link(r#"{"name": "eth0", "dhcp": true, "script": "/tmp/x"}"#),
        wifi(&format!(
            r#"{{"country": "gb", "networks": [{{"ssid": "x", "psk": "{psk}"}}]}}"#
        )),
        wifi(&format!(
            r#"{{"country": "GB", "networks": [{{"ssid": "", "psk": "{psk}"}}]}}"#
        )),
        wifi(r#"{"country": "GB", "networks": [{"ssid": "x", "psk": "passphrase"}]}"#),
        wifi(r#"{"country": "GB", "networks": []}"#),
    ] {
        Stage::new().refuses(Verb::Network, &text);
    }
}

#[test]
fn reasons_and_keys_are_words() {
    for reason in ["", "a\\nb", "<script>", "x\\u001b[2J"] {
        let text = format!(r#"{{"id": "1", "reason": "{reason}"}}"#);
        Stage::new().refuses(Verb::Reboot, &text);
    }
    for key in ["", "a.b", "claim = ''", "../x", "CLAIM"] {
        let text = format!(r#"{{"id": "1", "key": "{key}"}}"#);
        Stage::new().refuses(Verb::EraseClaim, &text);
    }
}
