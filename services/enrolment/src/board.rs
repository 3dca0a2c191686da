//! What this machine says of itself: its board, its model, its image.

use std::path::Path;

use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::wire::Facts;

const RELEASE: &str = "/usr/lib/os-release";

/// The number of the board, as a digest that says nothing to others; empty where there is none.
#[must_use]
pub fn number(file: &Path) -> String {
    let text = std::fs::read(file).unwrap_or_default();
    let text = text.strip_suffix(b"\0").unwrap_or(&text).trim_ascii();
    if text.is_empty() {
        return String::new();
    }
    let labelled = [&b"vigla board v1\0"[..], text].concat();
    Fingerprint::of_spki(&labelled).to_string()
}

/// What a request says of the machine.
#[must_use]
pub fn facts(board: &str) -> Facts {
    let release = std::fs::read_to_string(RELEASE).unwrap_or_default();
    let value = |key: &str| {
        let line = release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let ours = value("ID").as_deref() == Some("vigla");
    let version = value("VERSION_ID").filter(|_| ours);
    Facts {
        boot_id: vigla_kit::identity::boot_id(),
        hardware: board.to_owned(),
        model: value("VIGLA_MACHINE").unwrap_or_else(|| "other".to_owned()),
        version: version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
    }
}

/// The slot that the kernel was started from; empty where there is none.
#[must_use]
pub fn slot() -> String {
    let line = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let mut words = line.split_ascii_whitespace();
    let slot = words.find_map(|word| word.strip_prefix("rauc.slot="));
    slot.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_known_by_a_digest_of_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("serial-number");
        assert_eq!(number(&file), "");
        vigla_kit::atomic::write(&file, b"10000000abcdef01\0").unwrap();
        let one = number(&file);
        assert_eq!(one.len(), 64);
        assert!(!one.contains("abcdef01"));
        vigla_kit::atomic::write(&file, b"10000000abcdef01\n").unwrap();
        assert_eq!(number(&file), one);
    }
}
