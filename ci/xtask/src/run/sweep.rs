//! Folders of runs that were killed before they could clean up.
//!
//! A run holds a lock on a file in its folder for as long as it lives. The kernel gives the lock
//! back however it dies, so a folder whose lock can be had belongs to nobody.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;

const LOCK: &str = "run.lock";

/// Marks `folder` as that of a living run, until the answer is dropped.
pub(super) fn claim(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.with_context(|| format!("make `{}`", path.display()))?;
    file.try_lock()
        .with_context(|| format!("lock `{}`", path.display()))?;
    Ok(file)
}

/// Removes what dead runs of ours have left in the temporary folder.
pub(super) fn abandoned() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with("vigla-") && is_abandoned(&entry.path())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(folder: &Path) -> bool {
    let mine = nix::unistd::geteuid().as_raw();
    if !fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir() && meta.uid() == mine) {
        return false;
    }
    // No lock file: not a run's folder, or one that is just being made.
    OpenOptions::new()
        .write(true)
        .open(folder.join(LOCK))
        .is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folder_of_a_dead_run_is_abandoned() {
        let folder = std::env::temp_dir().join(format!("xtask-sweep-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(!is_abandoned(&folder), "no lock file");
        let alive = claim(&folder).unwrap();
        assert!(!is_abandoned(&folder), "a living run");
        drop(alive);
        assert!(is_abandoned(&folder), "a dead run");
        fs::remove_dir_all(&folder).unwrap();
    }
}
