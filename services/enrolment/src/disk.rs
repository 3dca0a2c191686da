//! The state folder, as little of it as is needed: whole files, folders, and one link.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use vigla_kit::atomic;

/// Names are relative to the state folder. What returned is on the disk, also after a power cut; what
/// failed is there as a whole or not at all, but for remains that nobody reads.
pub trait Disk: Debug + Send + Sync {
    /// The names at the top.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A whole file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Where a link leads.
    fn target(&self, link: &str) -> io::Result<String>;

    /// Makes a folder, for us alone.
    fn folder(&self, name: &str) -> io::Result<()>;

    /// Makes or replaces a file, for us alone.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes or replaces a link.
    fn point(&self, link: &str, to: &str) -> io::Result<()>;

    /// Removes a file, a link, or a folder with all in it; nothing happens when it is not there.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// The folder itself.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Of the daemon.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn synced(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.0)?.collect::<io::Result<Vec<_>>>()?;
        let names = entries.iter().map(fs::DirEntry::file_name);
        Ok(names.filter_map(|name| name.into_string().ok()).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(name))
    }

    fn target(&self, link: &str) -> io::Result<String> {
        let target = fs::read_link(self.0.join(link))?;
        target
            .into_os_string()
            .into_string()
            .map_err(|_| io::ErrorKind::InvalidData.into())
    }

    fn folder(&self, name: &str) -> io::Result<()> {
        let path = self.0.join(name);
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.synced(),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        atomic::write(&self.0.join(name), bytes)
    }

    fn point(&self, link: &str, to: &str) -> io::Result<()> {
        let beside = format!("{link}.new");
        self.remove(&beside)?;
        symlink(to, self.0.join(&beside))?;
        fs::rename(self.0.join(beside), self.0.join(link))?;
        self.synced()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.0.join(name);
        let gone = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match gone {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.synced(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_is_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Folder::new(folder.path());
        disk.folder("grant-1").unwrap();
        disk.folder("grant-1").unwrap();
        disk.write("grant-1/a", b"x").unwrap();
        disk.point("current", "grant-1").unwrap();
        disk.point("current", "grant-2").unwrap();
        assert_eq!(disk.target("current").unwrap(), "grant-2");
        let mode = |name: &str| {
            let found = fs::metadata(folder.path().join(name)).unwrap();
            found.permissions().mode() & 0o777
        };
        assert_eq!((mode("grant-1"), mode("grant-1/a")), (0o700, 0o600));
        disk.remove("grant-1").unwrap();
        disk.remove("grant-1").unwrap();
        disk.remove("current").unwrap();
        assert_eq!(disk.list().unwrap(), Vec::<String>::new());
    }
}
