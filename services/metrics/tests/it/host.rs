//! The host's figures: those of a recorded Raspberry Pi, of rubbish, and of the machine we run on.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use vigla_metrics::host::{self, Machine, Probe};

/// The recorded machine, laid out below a folder.
pub(crate) fn pi4() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (head, text) in sections(include_str!("../data/pi4.txt")) {
        let (path, link) = head.split_once(" -> ").unwrap_or((head, ""));
        let place = root.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        if link.is_empty() {
            put(&place, text);
        } else {
            std::os::unix::fs::symlink(link, place).unwrap();
        }
    }
    root
}

#[allow(clippy::disallowed_methods, reason = "a file of a test")]
fn put(place: &Path, text: &str) {
    std::fs::write(place, text).unwrap();
}

/// `==> path` and the text behind it.
fn sections(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("\n==> ").skip(1);
    parts
        .map(|part| part.split_once('\n').unwrap_or((part, "")))
        .collect()
}

/// Samples of `page` without those that are of the machine that runs the test.
fn recorded(page: &str) -> String {
    let foreign = ["node_uname", "node_time_", "node_timex", "node_filesystem_"];
    let mut text = String::new();
    for line in page.lines() {
        let name = line
            .split(' ')
            .nth(if line.starts_with('#') { 2 } else { 0 })
            .unwrap();
        if !foreign.iter().any(|start| name.starts_with(start)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a switch of the test")]
fn a_raspberry_pi_gives_the_page_we_know() {
    let root = pi4();
    let page = host::page(&Machine::new(root.path())).into_text();
    for line in [
        "node_filesystem_readonly{device=\"/dev/mmcblk0p2\",fstype=\"ext4\",mountpoint=\"/\"} 0",
        "node_filesystem_readonly{device=\"/dev/mmcblk0p1\",fstype=\"vfat\",mountpoint=\"/boot/firmware\"} 1",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    let page = recorded(&page);
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/pi4.page.txt");
    if std::env::var("VIGLA_BLESS").is_ok() {
        put(&golden, &page);
    }
    let known = std::fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(
        page, known,
        "run it with VIGLA_BLESS=1 when the change is meant"
    );
}

/// A machine whose files hold anything.
#[derive(Debug)]
struct Rubbish(String);

impl Probe for Rubbish {
    fn read(&self, _: &str) -> Option<String> {
        Some(self.0.clone())
    }
    fn names(&self, _: &str) -> Vec<String> {
        [
            "cpu0",
            "thermal_zone0",
            "cooling_device0",
            "temp1_input",
            "in0_lcrit_alarm",
            "x",
        ]
        .map(String::from)
        .to_vec()
    }
    fn target(&self, _: &str) -> Option<String> {
        Some(self.0.clone())
    }
    fn space(&self, _: &str) -> Option<host::probe::Space> {
        None
    }
    fn uname(&self) -> Option<host::probe::Uname> {
        Some(host::probe::Uname {
            nodename: self.0.clone(),
            ..Default::default()
        })
    }
    fn time(&self) -> Option<host::probe::Time> {
        None
    }
}

/// Whether every line is a comment or a sample with a number.
fn sound(page: &str) -> bool {
    page.lines().all(|line| {
        let value = line.rsplit(' ').next().unwrap_or_default();
        line.starts_with("# ") || value.parse::<f64>().is_ok()
    })
}

proptest! {
    /// Real text with one piece replaced by another, and no sense at all.
    #[test]
    fn damaged_files_neither_panic_nor_spoil_the_page(
        (which, from, to) in (any::<prop::sample::Index>(), 0usize..2000, 0usize..2000),
        piece in "[ -~\n\t\\\\0-9ä]{0,40}",
        nonsense in ".{0,300}",
    ) {
        let files = sections(include_str!("../data/pi4.txt"));
        let mut text = which.get(&files).1.as_bytes().to_vec();
        let (from, to) = (from.min(text.len()), to.min(text.len()));
        text.splice(from.min(to)..from.max(to), piece.bytes());
        for text in [String::from_utf8_lossy(&text).into_owned(), nonsense] {
            let page = host::page(&Rubbish(text)).into_text();
            prop_assert!(sound(&page), "{}", page);
        }
    }
}
