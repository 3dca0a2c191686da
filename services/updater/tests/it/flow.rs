//! From the order to the restart, with a stand-in for RAUC: this kernel may not have dm-verity.

use std::collections::HashMap;
use std::time::Duration;

use vigla_bus::zbus::{self, Connection};
use vigla_testkit::{Habits, Rig, Web, until};

use super::delta::example;
use super::fakes::{Rauc, rig};
use super::node::{
    block_on, connect, install, job, last, reset_asked, restart_asked, start, start_with, updater,
};
use super::rauc::put;

fn content() -> Vec<u8> {
    (0..600_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn web(cuts: &[usize]) -> Web {
    Web::start(Habits {
        content: content(),
        tag: "\"v1\"".into(),
        cuts: cuts.to_vec(),
        ..Habits::default()
    })
    .unwrap()
}

fn state(rig: &Rig) -> serde_json::Value {
    let text = std::fs::read(rig.dir().join("state/updater/state.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn error(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, _, _) => name.to_string(),
        other => other.to_string(),
    }
}

#[test]
fn a_download_that_is_cut_twice_goes_on_where_it_was_and_the_node_restarts() {
    let (rig, web) = (rig(), web(&[500_000, 300_000]));
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        let _daemon = start(&rig, "");
        let bus = connect(&rig).await;
        let end = install(&bus, &web.url("/bundle"), &[]).await.unwrap();
        assert_eq!(end.0, "done", "{end:?}");
        assert_eq!(
            web.heard(),
            ["/bundle whole", "/bundle 500000", "/bundle 800000"]
        );
        assert!(
            board.lock().unwrap().content == content(),
            "the bundle is another one"
        );
        let entry = last(&bus).await;
        assert_eq!(
            (
                entry.event.as_str(),
                entry.slot.as_str(),
                entry.version.as_str()
            ),
            ("installed", "B", "1.2.0")
        );
        let slots = updater(&bus).await.slots().await.unwrap();
        assert_eq!(
            (slots[1].version.as_str(), slots[1].proven),
            ("1.2.0", false)
        );
    });
    assert_eq!(
        restart_asked(&rig).as_deref(),
        Some(r#"{"id":"1","reason":"update"}"#)
    );
    let trial = state(&rig)["trial"].clone();
    assert_eq!(
        (&trial["slot"], &trial["written"]),
        (&"B".into(), &true.into())
    );
    assert!(rig.dir().join("state/updater/trial").exists());
    let kept: Vec<_> = std::fs::read_dir(rig.dir().join("state/updater/download"))
        .unwrap()
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn a_restart_of_the_service_goes_on_with_what_is_kept_and_another_file_begins_anew() {
    let (rig, web) = (rig(), web(&[500_000, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        let daemon = start(&rig, "[download]\npatience = \"1s\"\n");
        let bus = connect(&rig).await;
        let url = web.url("/bundle");
        let end = install(&bus, &url, &[("after", "stay")]).await.unwrap();
        assert_eq!(end, ("unreachable".into(), "127.0.0.1".into()));
        assert!(daemon.stop().unwrap().success());
        {
            let mut habits = web.habits();
            habits.cuts.clear();
            habits.heard.clear();
            "\"v2\"".clone_into(&mut habits.tag);
        }
        let _daemon = start(&rig, "");
        let end = install(&bus, &url, &[("after", "stay")]).await.unwrap();
        assert_eq!(end.0, "done");
        // It asked for the rest of v1, and the server gave the whole of v2.
        assert_eq!(web.heard(), ["/bundle 500000"]);
        assert!(board.lock().unwrap().content == content());
    });
    assert_eq!(restart_asked(&rig), None);
}

#[test]
fn what_cannot_be_had_has_its_word() {
    let (rig, web) = (rig(), web(&[]));
    block_on(async {
        let (_rauc, _board) = Rauc::start(&rig).await;
        let daemon = start(&rig, "[download]\npatience = \"1s\"\n");
        let bus = connect(&rig).await;
        let nobody = format!("http://127.0.0.1:{}/x", vigla_testkit::free_port().unwrap());
        for (source, word) in [
            (web.url("/nothing"), "not-found"),
            (nobody, "unreachable"),
            ("stick".to_owned(), "no-stick"),
            ("feed".to_owned(), "not-found"),
            ("/nonexistent/x.raucb".to_owned(), "unreadable"),
        ] {
            let end = install(&bus, &source, &[]).await.unwrap();
            assert_eq!(end.0, word, "{source}: {end:?} {}", daemon.log());
        }
        // The room is asked for before the first byte is written.
        assert!(daemon.stop().unwrap().success());
        let _daemon = start_with_little_room(&rig);
        let end = install(&bus, &web.url("/bundle"), &[]).await.unwrap();
        assert_eq!(end, ("no-space".into(), content().len().to_string()));
    });
    assert_eq!(restart_asked(&rig), None);
}

fn start_with_little_room(rig: &Rig) -> vigla_testkit::Daemon {
    start(rig, "[download]\nreserve_bytes = 1099511627776\n")
}

/// An order, and the path of its job.
async fn order(bus: &Connection, source: &str) -> zbus::Result<String> {
    let ordered = updater(bus).await.install(source, HashMap::new()).await;
    ordered.map(|(_, path)| path.to_string())
}

#[test]
fn two_at_once_are_busy_and_the_first_can_be_cancelled() {
    let (rig, web) = (rig(), web(&[]));
    web.habits().hangs = true;
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        let _daemon = start(&rig, "");
        let bus = connect(&rig).await;
        let first = order(&bus, &web.url("/bundle")).await.unwrap();
        let second = order(&bus, "feed").await.unwrap_err();
        assert_eq!(error(&second), "org.vigla.Error.Busy");
        let back = updater(&bus).await.rollback().await.unwrap_err();
        assert_eq!(error(&back), "org.vigla.Error.Busy");
        let first = job(&bus, &first).await;
        assert_eq!(first.state().await.unwrap(), "fetching");
        first.cancel().await.unwrap();
        while first.state().await.unwrap() != "over" {}
        assert_eq!(first.result().await.unwrap(), "cancelled");
        assert_eq!(
            error(&first.cancel().await.unwrap_err()),
            "org.vigla.Error.NotReady"
        );
        // The object of the last job is there until the next begins.
        let next = order(&bus, "stick").await.unwrap();
        assert_ne!(next, first.inner().path().to_string());
        assert!(first.state().await.is_err());
        assert!(board.lock().unwrap().done.is_empty());
    });
}

#[test]
fn nothing_is_written_while_the_node_is_enrolled() {
    let rig = rig();
    let bundle = rig.dir().join("x.raucb");
    put(&bundle, b"a bundle");
    let busy = std::fs::File::create(rig.dir().join("busy")).unwrap();
    let lock = nix::fcntl::Flock::lock(busy, nix::fcntl::FlockArg::LockExclusive).unwrap();
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        let _daemon = start(&rig, "");
        let bus = connect(&rig).await;
        let source = bundle.to_string_lossy();
        assert_eq!(install(&bus, &source, &[]).await.unwrap().0, "locked");
        assert!(board.lock().unwrap().done.is_empty());
        drop(lock);
        assert_eq!(install(&bus, &source, &[]).await.unwrap().0, "done");
    });
}

#[test]
fn what_was_swapped_under_raucs_hands_is_never_started() {
    let rig = rig();
    let bundle = rig.dir().join("x.raucb");
    put(&bundle, b"a bundle");
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        board.lock().unwrap().written_hash = "cd".repeat(32);
        let _daemon = start(&rig, "");
        let bus = connect(&rig).await;
        assert_eq!(
            install(&bus, &bundle.to_string_lossy(), &[])
                .await
                .unwrap()
                .0,
            "swapped"
        );
        assert_eq!(
            board.lock().unwrap().done,
            ["install", "bad other", "active booted"]
        );
    });
    assert_eq!(restart_asked(&rig), None);
}

/// A flipped byte in the content: RAUC reads it through dm-verity, and the read fails.
#[test]
fn content_that_fails_while_it_is_written_is_damaged_and_no_restart_follows() {
    let rig = rig();
    let bundle = rig.dir().join("x.raucb");
    put(&bundle, b"a bundle");
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        let said = "Installation error: Failed updating slot rootfs.1: Failed to copy image: Input/output error";
        board.lock().unwrap().ends = (1, said.into());
        let _daemon = start(&rig, "");
        let bus = connect(&rig).await;
        assert_eq!(
            install(&bus, &bundle.to_string_lossy(), &[])
                .await
                .unwrap()
                .0,
            "damaged"
        );
    });
    assert_eq!(restart_asked(&rig), None);
    assert!(state(&rig)["trial"].is_null());
}

#[test]
fn a_rollback_starts_from_the_other_slot() {
    let rig = rig();
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        let _daemon = start(&rig, "");
        let bus = connect(&rig).await;
        assert_eq!(updater(&bus).await.rollback().await.unwrap(), "B");
        assert_eq!(board.lock().unwrap().done, ["active rootfs.1"]);
        assert_eq!(last(&bus).await.event, "rolled-back");
    });
    assert_eq!(
        restart_asked(&rig).as_deref(),
        Some(r#"{"id":"0","reason":"rollback"}"#)
    );
}

#[test]
fn a_reset_is_asked_for_once_and_never_while_a_bundle_is_installed() {
    let (rig, web) = (rig(), web(&[]));
    web.habits().hangs = true;
    block_on(async {
        let (_rauc, _board) = Rauc::start(&rig).await;
        let _daemon = start(&rig, "");
        let bus = connect(&rig).await;
        let updater = updater(&bus).await;
        let refused = updater.reset("card").await.unwrap_err();
        assert_eq!(error(&refused), "org.vigla.Error.InvalidArgument");
        let running = order(&bus, &web.url("/bundle")).await.unwrap();
        let running = job(&bus, &running).await;
        let refused = updater.reset("page").await.unwrap_err();
        assert_eq!(error(&refused), "org.vigla.Error.Busy");
        assert_eq!(reset_asked(&rig), None);
        running.cancel().await.unwrap();
        while running.state().await.unwrap() != "over" {}
        updater.reset("page").await.unwrap();
    });
    assert_eq!(
        reset_asked(&rig).as_deref(),
        Some(r#"{"by":"page","id":"reset"}"#)
    );
    assert_eq!(restart_asked(&rig), None, "the act restarts");
}

#[test]
fn the_owners_proxy_is_asked_for_what_is_far() {
    let (rig, proxy) = (rig(), web(&[]));
    let address = proxy.url("");
    let environment = [
        ("http_proxy", address.as_str()),
        ("https_proxy", address.as_str()),
        ("no_proxy", "localhost"),
    ];
    block_on(async {
        let (_rauc, _board) = Rauc::start(&rig).await;
        let settings = "[download]\npatience = \"1s\"\n";
        let _daemon = start_with(&rig, settings, &environment);
        let bus = connect(&rig).await;
        let far = install(&bus, "http://far.example/x", &[]).await.unwrap();
        assert_eq!(far.0, "not-found", "what the proxy says is the answer");
        let far = install(&bus, "https://far.example/x", &[]).await.unwrap();
        assert_eq!(far.0, "unreachable", "it does not let us through");
        let near = install(&bus, "http://localhost:1/x", &[]).await.unwrap();
        assert_eq!(near.0, "unreachable");
    });
    let mut heard = proxy.heard();
    heard.dedup();
    assert_eq!(
        heard,
        ["http://far.example/x whole", "far.example:443 whole"]
    );
}

#[test]
fn without_rauc_it_runs_and_says_what_it_cannot() {
    let rig = rig();
    let daemon = start(&rig, "");
    block_on(async {
        let bus = connect(&rig).await;
        let updater = updater(&bus).await;
        assert_eq!(updater.slots().await.unwrap(), []);
        assert_eq!(updater.machine().await.unwrap(), "");
        assert_eq!(
            install(&bus, "/x.raucb", &[]).await.unwrap().0,
            "no-installer"
        );
        assert_eq!(
            error(&updater.rollback().await.unwrap_err()),
            "org.vigla.Error.NotReady"
        );
    });
    let well = |status: String| status.contains("waiting for orders").then_some(());
    until("it is well", Duration::from_secs(10), || {
        well(daemon.status())
    })
    .unwrap();
    assert!(daemon.stop().unwrap().success());
}

#[test]
fn the_newest_of_a_stick_and_of_a_signed_feed_is_found() {
    let Some(signed) = signed_feed() else { return };
    let rig = rig();
    let web = web(&[]);
    let feed = signed(&web.url("/bundle"), &serde_json::json!([]));
    let settings = feed.offered(&rig, &web);
    let stick = rig.dir().join("sticks/sda1");
    std::fs::create_dir_all(&stick).unwrap();
    put(&stick.join("x.raucb"), b"a bundle");
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        let _daemon = start(&rig, &settings);
        let bus = connect(&rig).await;
        let releases = updater(&bus).await.check().await.unwrap();
        let seen: Vec<_> = releases
            .iter()
            .map(|r| (r.origin.as_str(), r.version.as_str(), r.verdict.as_str()))
            .collect();
        assert_eq!(
            seen,
            [("feed", "2.0.0", "newer"), ("stick", "1.2.0", "newer")]
        );
        // The feed says which manifest it must be; the one that comes is another.
        assert_eq!(install(&bus, "feed", &[]).await.unwrap().0, "swapped");
        board.lock().unwrap().hash = "ee".repeat(32);
        assert_eq!(
            install(&bus, "feed", &[("after", "stay")]).await.unwrap().0,
            "done"
        );
        assert_eq!(
            install(&bus, "stick", &[("after", "stay")])
                .await
                .unwrap()
                .0,
            "done"
        );
        assert!(board.lock().unwrap().content == b"a bundle");
        // An unsigned feed is none.
        web.habits().files[0].1.push(b' ');
        let refused = updater(&bus).await.check().await.unwrap_err();
        assert_eq!(error(&refused), "org.vigla.Error.NotReady");
    });
    assert_eq!(state(&rig)["feed_serial"], 3);
}

/// The feed of [`signed_feed`], with a delta from the version that runs here.
#[test]
fn a_delta_of_the_feed_is_built_and_the_whole_bundle_fetched_where_it_does_not_fit() {
    let Some(signed) = signed_feed() else { return };
    let rig = rig();
    let web = web(&[]);
    let (slot, payload, delta) = example(env!("CARGO_PKG_VERSION"));
    put(&rig.dir().join("slot"), &slot);
    let deltas = serde_json::json!([{"from": env!("CARGO_PKG_VERSION"), "url": web.url("/delta"), "manifest_hash": "dd".repeat(32)}]);
    let feed = signed(&web.url("/bundle"), &deltas);
    let settings = feed.offered(&rig, &web);
    web.habits().files.push(("/delta".into(), delta));
    block_on(async {
        let (_rauc, board) = Rauc::start(&rig).await;
        board.lock().unwrap().device = rig.dir().join("slot").display().to_string();
        board.lock().unwrap().hash = "dd".repeat(32);
        let _daemon = start(&rig, &settings);
        let bus = connect(&rig).await;
        let stay = [("after", "stay")];
        assert_eq!(install(&bus, "feed", &stay).await.unwrap().0, "done");
        assert!(board.lock().unwrap().content.starts_with(&payload));
        // The same by its address, without a feed.
        let source = web.url("/delta");
        assert_eq!(install(&bus, &source, &stay).await.unwrap().0, "done");

        web.habits()
            .files
            .push(("/odd".into(), b"vigla-delta-1\n{}\n".to_vec()));
        let end = install(&bus, &web.url("/odd"), &stay).await.unwrap();
        assert_eq!(end.0, "misfit", "{end:?}");

        // Another slot.
        put(&rig.dir().join("slot"), &payload);
        let end = install(&bus, &source, &stay).await.unwrap();
        assert_eq!(end.0, "misfit", "{end:?}");
        board.lock().unwrap().hash = "ee".repeat(32);
        assert_eq!(install(&bus, "feed", &stay).await.unwrap().0, "done");
        assert!(board.lock().unwrap().content == content());
    });
    let kept = std::fs::read_dir(rig.dir().join("state/updater/download"));
    assert_eq!(kept.unwrap().count(), 0);
}

/// A feed, its signature, and the key that vouches for it.
struct Signed {
    text: Vec<u8>,
    signature: Vec<u8>,
    key: Vec<u8>,
}

impl Signed {
    /// Offers it on `web` to the node of `rig`; the settings.
    fn offered(self, rig: &Rig, web: &Web) -> String {
        web.habits().files = vec![
            ("/feed.json".into(), self.text),
            ("/feed.json.sig".into(), self.signature),
        ];
        let keys = rig.dir().join("keys");
        std::fs::create_dir(&keys).unwrap();
        put(&keys.join("release.pub"), &self.key);
        format!(
            "[feed]\nurl = \"{}\"\nkeys = \"{}\"\nautomatic = \"never\"\n",
            web.url("/feed.json"),
            keys.display()
        )
    }
}

type Sign = Box<dyn Fn(&str, &serde_json::Value) -> Signed>;

/// Signs as the README says, with openssl, a feed of the bundle at an address and its deltas.
fn signed_feed() -> Option<Sign> {
    let openssl = |folder: &std::path::Path, line: &str| {
        let done = std::process::Command::new("openssl")
            .args(line.split(' '))
            .current_dir(folder)
            .output();
        done.ok().filter(|out| out.status.success())
    };
    let folder = tempfile::tempdir().unwrap();
    if openssl(folder.path(), "genpkey -algorithm ed25519 -out key.pem").is_none() {
        vigla_testkit::skip("no openssl that knows Ed25519; install the package openssl");
        return None;
    }
    Some(Box::new(move |url, deltas| {
        let run = |line: &str| openssl(folder.path(), line).unwrap();
        let release = serde_json::json!({
            "machine": "vigla-test", "version": "2.0.0", "url": url,
            "manifest_hash": "ee".repeat(32), "deltas": deltas,
        });
        let feed = serde_json::json!({
            "schema": 1, "serial": 3, "expires": "2099-01-01T00:00:00Z", "releases": [release],
        });
        let text = feed.to_string();
        put(&folder.path().join("feed.json"), text.as_bytes());
        run("pkeyutl -sign -rawin -inkey key.pem -in feed.json -out raw");
        let signature = run("base64 -in raw").stdout;
        let key = run("pkey -in key.pem -pubout").stdout;
        let text = text.into_bytes();
        Signed {
            text,
            signature,
            key,
        }
    }))
}
