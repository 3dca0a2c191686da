//! Files that no editor wrote.

use vigla_site::{LARGEST, Site, Zones, read};

use crate::stage::Stage;

#[test]
fn any_damage_to_the_file_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "site", |bytes| {
        let (_, mistakes) = read(bytes, &Zones::system());
        let lines = bytes.split(|byte| *byte == b'\n').count();
        for mistake in mistakes {
            assert!((1..=lines).contains(&mistake.line), "{mistake:?}");
            assert!(!mistake.what.is_empty() && !mistake.fix.is_empty());
            assert!(!mistake.to_string().contains('\u{1b}'), "{mistake:?}");
        }
    });
}

#[test]
fn deep_and_large_files_are_refused() {
    for text in [
        "[".repeat(60_000),
        "a.".repeat(30_000),
        "x=[[".repeat(10_000),
        "a={".repeat(20_000),
    ] {
        let (site, mistakes) = read(text.as_bytes(), &Zones::system());
        assert!(site == Site::default() && !mistakes.is_empty());
    }
    let (site, mistakes) = read(&vec![b'\n'; 10 << 20], &Zones::system());
    assert!(site == Site::default() && mistakes.len() == 1);
    let (_, mistakes) = read(&vec![0; LARGEST], &Zones::system());
    assert!(!mistakes.is_empty());
}

#[test]
fn whatever_is_applied_no_value_ends_a_line() {
    let mut stage = Stage::new();
    let text = "name = \"a\\nb\"\nntp = [\"a\\nFallbackNTP=evil\"]\nproxy = \"http://a\\nLD_PRELOAD=x\"\n\
        ssh_keys = [\"a\\nb\"]\n[network]\ndns = [\"1.1.1.1\\nDNS=6.6.6.6\"]\n[mqtt]\nbroker = 'mqtt://x'\n\
        user = \"a\\nb\"\npassword = \"c\\nd\"\n[camera.a]\nsource = \"rtsp://h/a\\nb\"\n\
        [camera.b]\nsource = 'rtsp://h/b'\nuser = \"u\\nroot:x\"\npassword = 'p'\nlabel = \"x\\ny\"\n";
    let findings = stage.boot_with(text);
    assert_eq!(findings.mistakes.len(), 10, "{:?}", findings.mistakes);
    for (path, text) in stage.tree() {
        assert!(
            path.starts_with("boot/") || !text.contains("6.6.6.6"),
            "{path}"
        );
    }
    assert!(!stage.exists("etc/vigla/camera.credentials/b"));
    assert!(
        !stage
            .read("etc/vigla/metrics.d/50-site.toml")
            .contains("user")
    );
}
