//! Bundles that must not be installed, each refused by its own word, by RAUC itself and us: and no slot
//! changes by a byte.

use std::path::{Path, PathBuf};

use super::bundles::{Authority, Wish};
use super::node::{block_on, connect, install, last, restart_asked, start, updater};
use super::rauc::{Program, Rauc, put, rig};

/// `(file, options, word, subject)`.
type Case = (
    PathBuf,
    Vec<(&'static str, &'static str)>,
    &'static str,
    &'static str,
);

fn damaged(bundle: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = std::fs::read(bundle).unwrap();
    change(&mut bytes);
    let path = bundle.with_file_name(format!("{name}.raucb"));
    put(&path, &bytes);
    path
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn corpus(program: &Program, folder: &Path, ours: &Authority, tls: &Authority) -> Vec<Case> {
    let stranger = Authority::new(folder, "stranger", "codeSigning");
    let make = |wish: Wish<'_>| wish.make(program, folder);
    let good = Wish::good("good", ours).make(program, folder);
    let signed = std::fs::read(&good).unwrap();
    let other = Wish::good("other", ours).make(program, folder);
    let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    vec![
        (
            make(Wish {
                version: "0.9.9",
                ..Wish::good("old", ours)
            }),
            vec![],
            "older",
            "0.9.9",
        ),
        (
            make(Wish {
                version: "newest",
                ..Wish::good("odd", ours)
            }),
            vec![],
            "bad-version",
            "newest",
        ),
        (
            make(Wish {
                machine: "vigla-rpi4",
                ..Wish::good("machine", ours)
            }),
            vec![],
            "wrong-machine",
            "vigla-rpi4",
        ),
        (
            make(Wish {
                format: "plain",
                ..Wish::good("plain", ours)
            }),
            vec![],
            "plain-format",
            "",
        ),
        (
            make(Wish::good("foreign", &stranger)),
            vec![],
            "wrong-key",
            "",
        ),
        (make(Wish::good("server", tls)), vec![], "wrong-purpose", ""),
        (good.clone(), vec![("manifest-hash", hash)], "swapped", ""),
        (
            damaged(&good, "cut", |bytes| bytes.truncate(bytes.len() - 3000)),
            vec![],
            "damaged",
            "",
        ),
        (
            damaged(&good, "stub", |bytes| bytes.truncate(100)),
            vec![],
            "damaged",
            "",
        ),
        (damaged(&good, "empty", Vec::clear), vec![], "damaged", ""),
        (
            damaged(&good, "noise", |bytes| bytes.fill(0x5a)),
            vec![],
            "damaged",
            "",
        ),
        // The signature of one under the content of another is sound by itself: the manifest is inside
        // it. Only when it is read does the content not fit, so it never comes to its own hash.
        (
            damaged(&other, "grafted", |bytes| graft(bytes, &signed)),
            vec![("manifest-hash", hash)],
            "swapped",
            "",
        ),
        (
            folder.join("nowhere.raucb"),
            vec![],
            "unreadable",
            "no such file or directory",
        ),
    ]
}

/// Puts the signature of `signed` at the end of `bytes`.
fn graft(bytes: &mut Vec<u8>, signed: &[u8]) {
    let end = |bytes: &[u8]| {
        let size = bytes[bytes.len() - 8..].try_into().unwrap();
        bytes.len() - 8 - usize::try_from(u64::from_be_bytes(size)).unwrap()
    };
    bytes.truncate(end(bytes));
    bytes.extend_from_slice(&signed[end(signed)..]);
}

#[test]
fn each_bad_bundle_is_refused_by_its_own_word_and_no_slot_changes() {
    let Some(program) = Program::find() else {
        return;
    };
    let rig = rig();
    let folder = rig.dir().join("bundles");
    std::fs::create_dir(&folder).unwrap();
    let ours = Authority::new(&folder, "ours", "codeSigning");
    let tls = Authority::new(&folder, "tls", "serverAuth");
    let keyring = folder.join("keyring.pem");
    put(
        &keyring,
        (ours.certificate() + &tls.certificate()).as_bytes(),
    );
    let cases = corpus(&program, &folder, &ours, &tls);
    let rauc = Rauc::start(&program, &rig, &keyring);
    let state = rig.dir().join("state/updater");
    std::fs::create_dir_all(&state).unwrap();
    put(&state.join("state.json"), br#"{"floor": "1.0.0"}"#);
    hand_over(&state);
    let daemon = start(&rig, "");
    let before = rauc.bytes();
    block_on(async {
        let bus = connect(&rig).await;
        let mut wrong = Vec::new();
        for (bundle, options, word, subject) in &cases {
            let source = bundle.to_string_lossy();
            let end = install(&bus, &source, options).await.unwrap();
            if end != ((*word).to_owned(), (*subject).to_owned()) {
                wrong.push(format!("{source}: {end:?}, not {word}"));
            }
            let noted = last(&bus).await;
            assert_eq!(
                (noted.event.as_str(), noted.result.as_str()),
                ("refused", *word)
            );
        }
        assert!(
            wrong.is_empty(),
            "{}\n{}\n{}",
            wrong.join("\n"),
            daemon.log(),
            rauc.log()
        );
        assert!(before == rauc.bytes(), "a slot changed");
        assert_eq!(rauc.primary(), "A");
        let slots = updater(&bus).await.slots().await.unwrap();
        let health: Vec<_> = slots
            .iter()
            .map(|s| (s.name.as_str(), s.state.as_str(), s.health.as_str()))
            .collect();
        assert_eq!(health, [("A", "running", "good"), ("B", "idle", "good")]);
        good_one(&bus, &folder, &rauc).await;
    });
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    drop(restart_asked(&rig));
}

/// The sound one comes as far as this kernel goes: without dm-verity RAUC cannot mount it.
async fn good_one(bus: &vigla_bus::zbus::Connection, folder: &Path, rauc: &Rauc) {
    let good = folder.join("good.raucb").to_string_lossy().into_owned();
    let (word, subject) = install(bus, &good, &[("after", "stay")]).await.unwrap();
    if word == "write-failed" && subject.contains("device") {
        vigla_testkit::skip("this kernel has no dm-verity: that RAUC writes is for the boot tests");
        return;
    }
    assert_eq!(word, "done", "{subject}: {}", rauc.log());
    assert_eq!(rauc.primary(), "B");
}

/// The key that signs is replaced in three steps, and at each one the bundles of that time are trusted.
#[test]
fn keyrings_overlap_while_one_key_replaces_another() {
    let Some(program) = Program::find() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (
        Authority::new(folder.path(), "old", "codeSigning"),
        Authority::new(folder.path(), "new", "codeSigning"),
    );
    let by_old = Wish::good("by-old", &old).make(&program, folder.path());
    let by_new = Wish::good("by-new", &new).make(&program, folder.path());
    let both = old.certificate() + &new.certificate();
    for (keyring, trusted) in [
        (old.certificate(), [true, false]),
        (both, [true, true]),
        (new.certificate(), [false, true]),
    ] {
        let rig = rig();
        let path = rig.dir().join("keyring.pem");
        put(&path, keyring.as_bytes());
        let _rauc = Rauc::start(&program, &rig, &path);
        let _daemon = start(&rig, "");
        block_on(async {
            let bus = connect(&rig).await;
            for (bundle, trusted) in [&by_old, &by_new].into_iter().zip(trusted) {
                let (word, _) = install(&bus, &bundle.to_string_lossy(), &[("after", "stay")])
                    .await
                    .unwrap();
                assert_eq!(word != "wrong-key", trusted, "{}: {word}", bundle.display());
            }
        });
    }
}

#[test]
fn only_the_updater_and_root_may_call_rauc() {
    use vigla_testkit::Who;
    let Some(program) = Program::find() else {
        return;
    };
    let rig = rig();
    let keyring = rig.dir().join("keyring.pem");
    put(
        &keyring,
        Authority::new(rig.dir(), "ours", "codeSigning")
            .certificate()
            .as_bytes(),
    );
    let _rauc = Rauc::start(&program, &rig, &keyring);
    for (who, may) in [
        (Who::Me, true),
        (Who::Service("updater"), true),
        (Who::Service("gateway"), false),
        (Who::Operator, false),
        (Who::Stranger, false),
    ] {
        let mut command = std::process::Command::new("dbus-send");
        command.arg(format!("--bus={}", rig.address())).args([
            "--print-reply",
            "--dest=de.pengutronix.rauc",
            "/",
            "de.pengutronix.rauc.Installer.GetSlotStatus",
        ]);
        rig.run_as(who, &mut command);
        let said = command.output().unwrap();
        assert_eq!(
            said.status.success(),
            may,
            "{who:?}: {}",
            String::from_utf8_lossy(&said.stderr)
        );
    }
}

/// What the test puts into the state folder belongs to the service, as on the device.
fn hand_over(folder: &Path) {
    let uid = Some(vigla_bus::names::UPDATER.uid);
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        std::os::unix::fs::chown(entry.path(), uid, uid).unwrap();
    }
    std::os::unix::fs::chown(folder, uid, uid).unwrap();
}
