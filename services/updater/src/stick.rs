//! USB sticks: bundles at the top of what is mounted below one folder.

use std::fs;
use std::path::{Path, PathBuf};

/// More are not looked at: a stick may hold anything.
const MOST: usize = 32;

/// Files `*.raucb`, sorted. What cannot be listed holds none.
#[must_use]
pub fn bundles(sticks: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mounted = list(sticks).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let files = mounted.flat_map(|stick| list(&stick.path()).take(10_000));
    // A link could lead anywhere.
    let plain = files.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut bundles: Vec<_> = plain
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("raucb"))
        })
        .collect();
    bundles.sort();
    bundles.truncate(MOST);
    bundles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_plain_files_at_the_top_of_each_stick() {
        let sticks = tempfile::tempdir().unwrap();
        assert_eq!(bundles(&sticks.path().join("none")), Vec::<PathBuf>::new());
        let at = |path: &str| sticks.path().join(path);
        fs::create_dir_all(at("sda1/deep")).unwrap();
        fs::create_dir_all(at("sdb1")).unwrap();
        for path in [
            "sda1/new.raucb",
            "sdb1/OLD.RAUCB",
            "sda1/deep/x.raucb",
            "sda1/readme",
            "loose.raucb",
        ] {
            vigla_kit::atomic::write(&at(path), b"").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", at("sda1/link.raucb")).unwrap();
        assert_eq!(
            bundles(sticks.path()),
            [at("sda1/new.raucb"), at("sdb1/OLD.RAUCB")]
        );
    }
}
