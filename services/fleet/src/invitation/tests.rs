use ring::rand::SystemRandom;

use super::*;

fn some() -> Invitation {
    Invitation {
        endpoint: "https://enrol.example:8443".parse().unwrap(),
        pins: vec![Fingerprint::of_spki(b"one")],
        claim: Some(Claim::generate(&SystemRandom::new()).unwrap()),
        addresses: Vec::new(),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let one = some();
    let two = Invitation {
        pins: vec![Fingerprint::of_spki(b"one"), Fingerprint::of_spki(b"two")],
        addresses: vec!["192.0.2.7".parse().unwrap(), "fd00::1".parse().unwrap()],
        ..some()
    };
    for invitation in [one, two] {
        let text = invitation.write();
        assert_eq!(read(text.as_bytes()), (Some(invitation.clone()), vec![]));
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(read(windows.as_bytes()).0, Some(invitation.clone()));
        let spent = invitation.spent("vigla-0123456789abcdef0123");
        let claim = None;
        let without = Invitation {
            claim,
            ..invitation
        };
        assert_eq!(read(spent.as_bytes()), (Some(without), vec![]));
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("claim") && spent.contains(line))
        );
    }
}

/// `(a change of a good file, line, what, fix)`.
const WRONG: &[(&str, &str, usize, &str, &str)] = &[
    ("version = 1", "version = 2", 3, "version", "update"),
    ("version = 1", "", 1, "no `version`", "version = 1"),
    (
        "version = 1",
        "version = \"1\"",
        3,
        "version",
        "version = 1",
    ),
    (
        "https://",
        "http://",
        4,
        "https://",
        "https://enrol.example",
    ),
    (
        "endpoint = \"",
        "endpoint = 5 # \"",
        4,
        "no text",
        "write it like",
    ),
    ("endpoint", "#endpoint", 1, "no `endpoint`", "write it like"),
    (
        "ca_sha256 = \"",
        "ca_sha256 = \"0",
        5,
        "64 hex digits",
        "copy",
    ),
    (
        "ca_sha256 = ",
        "ca_sha256 = [] # ",
        5,
        "64 hex digits",
        "copy",
    ),
    (
        "ca_sha256",
        "#ca_sha256",
        1,
        "no `ca_sha256`",
        "claim create",
    ),
    ("claim = \"", "claim = \"0", 6, "37", "copy it again"),
    (
        "claim = \"",
        "claim = \"U",
        6,
        "character 1",
        "copy it again",
    ),
    ("claim = \"", "claim = 7 # \"", 6, "no text", "quotes"),
    (
        "claim = \"",
        "claim = \u{201c}",
        6,
        "cannot be read",
        "straight quotes",
    ),
    (
        "version",
        "version = 1\nversion",
        4,
        "cannot be read",
        "a line is like",
    ),
    ("version", "\0version", 3, "cannot be read", "damaged"),
];

#[test]
fn each_mistake_has_its_line_and_the_next_step() {
    let invitation = some();
    let good = invitation.write();
    let secret = invitation.claim.unwrap().reveal()[10..].to_owned();
    for (from, to, line, what, fix) in WRONG {
        let (read, mistakes) = read(good.replacen(from, to, 1).as_bytes());
        assert_eq!(read, None, "{to}");
        let [mistake] = &mistakes[..] else {
            panic!("{to}: {mistakes:?}");
        };
        assert_eq!(mistake.line, *line, "{to}: {mistake}");
        assert!(mistake.what.contains(what), "{to}: {mistake}");
        assert!(mistake.fix.contains(fix), "{to}: {mistake}");
        assert!(!mistake.to_string().contains(&secret), "{mistake}");
    }
}

#[test]
fn a_missing_claim_is_told_and_the_rest_is_taken() {
    let text = some().write().replace("claim = ", "#claim = ");
    let (invitation, mistakes) = read(text.as_bytes());
    assert_eq!(invitation.unwrap().claim, None);
    assert!(mistakes[0].what.contains("no `claim`"), "{mistakes:?}");
}

#[test]
fn unknown_keys_are_told_and_ignored() {
    let text = format!("{}[network]\nssid = 'x'\n", some().write().as_str());
    let (invitation, mistakes) = read(text.as_bytes());
    assert!(invitation.is_some());
    assert!(mistakes[0].fix.contains("vigla.toml"), "{mistakes:?}");
}

#[test]
fn what_is_no_text_is_refused() {
    for (bytes, what) in [
        (vec![b'#'; LARGEST + 1], "64 KB"),
        (b"\xff\xfev\0".to_vec(), "UTF-16"),
        (b"version = 1\n# T\xfcr".to_vec(), "not UTF-8"),
    ] {
        let (invitation, mistakes) = read(&bytes);
        assert_eq!(invitation, None);
        assert!(mistakes[0].what.contains(what), "{mistakes:?}");
    }
}

#[test]
fn any_damage_to_the_file_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "invitation", |bytes| {
        let (invitation, mistakes) = read(bytes);
        assert!(invitation.is_some() || !mistakes.is_empty());
        let lines = bytes.split(|byte| *byte == b'\n').count();
        for mistake in mistakes {
            assert!((1..=lines).contains(&mistake.line), "{mistake:?}");
            assert!(!mistake.to_string().contains('\u{1b}'), "{mistake:?}");
        }
        if let Some(invitation) = invitation {
            let spent = read(invitation.spent("a node").as_bytes());
            assert_eq!(spent.0.map(|spent| spent.pins), Some(invitation.pins));
        }
    });
}
