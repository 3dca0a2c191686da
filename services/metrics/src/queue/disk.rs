//! What the queue needs of a disk: a folder of files that are appended to, read and removed.
//!
//! [`Folder`] is the real one. Tests stand in for disks that are full, slow or lose their power.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

/// A folder that holds one queue.
pub trait Disk: Debug + Send + Sync {
    /// The names in it.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Opens the file `name` for reading and writing, and makes it when it is absent.
    fn open(&self, name: &str) -> io::Result<Arc<dyn Tape>>;
    /// Removes the file `name`.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes sure that the names survive a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// A file of the queue.
pub trait Tape: Debug + Send + Sync {
    /// Writes all of `bytes` at `offset`.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Reads what there is at `offset`, up to `bytes.len()`; 0 at the end.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;
    /// Makes sure that what was written survives a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of the file system. Files are readable by their owner alone.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder `path`, made when it is absent.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Disk for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn Tape>> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        Ok(Arc::new(options.open(self.0.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.0.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Tape for File {
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.read_at(bytes, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The whole of a file.
pub(super) fn whole(tape: &dyn Tape) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let got = tape.read(bytes.len() as u64, &mut chunk)?;
        if got == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&chunk[..got]);
    }
}
