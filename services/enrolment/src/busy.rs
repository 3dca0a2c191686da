//! The busy lock: while a grant is asked for and installed, the updater writes no slot; while it writes one,
//! we wait.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

/// Ours until it is dropped.
#[derive(Debug)]
pub struct Busy(#[allow(dead_code, reason = "dropping it lets go")] Flock<File>);

impl Busy {
    /// Takes it.
    ///
    /// # Errors
    ///
    /// The updater has it, or it cannot be made.
    pub fn take(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(path)?;
        // Readable for the updater, whatever our mask is.
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self(lock)),
            Err((_, error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy");
        let ours = Busy::take(&path).unwrap();
        assert!(Busy::take(&path).is_err());
        drop(ours);
        assert!(Busy::take(&path).is_ok());
    }
}
