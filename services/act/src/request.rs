//! Taking a request file out of a folder that somebody else may write to.
//!
//! The folder itself is root's and its name cannot be changed by the asker; what lies in it may be
//! anything. It is opened once, without following a link and without waiting (a pipe would hang), and
//! everything is asked of the open file, never of the name again. A request that is written while we read
//! is cut off, which JSON shows; askers write beside and rename. Others must be able to read it (mode
//! 0644): we are root without the capability to read what we may not, and the folder keeps others out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// The name of a request in its folder.
pub const FILE: &str = "request.json";

/// No request is larger, in bytes: the largest holds eight interfaces with sixteen networks each.
pub const LARGEST: u64 = 16 * 1024;

/// Others may not write to a request.
const WRITABLE: u32 = 0o022;

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no request")]
    Absent,
    /// The name is a link.
    #[error("the request is a link")]
    Link,
    /// It cannot be opened or read.
    #[error("cannot read the request: {0}")]
    Read(#[source] io::Error),
    /// It is a folder, a pipe, a device.
    #[error("the request is not a plain file")]
    NotPlain,
    /// Whoever wrote it may not ask for this.
    #[error("user {0} may not ask for this")]
    Owner(u32),
    /// Somebody else may change it, or has another name for it.
    #[error("the request is not its owner's alone: it has mode {mode:03o} and {names} names")]
    Shared {
        /// Permission bits.
        mode: u32,
        /// Hard links.
        names: u64,
    },
    /// It is too large.
    #[error("the request is larger than {LARGEST} bytes")]
    TooLarge,
    /// It is no JSON, or not what the verb takes.
    #[error("{0}")]
    Text(#[source] serde_json::Error),
}

/// The text of the request in `folder`, if one of `askers` (or root) wrote it. The request is gone then,
/// whatever it was.
pub(crate) fn take(folder: &Path, askers: &[u32]) -> Result<Vec<u8>, Refusal> {
    let name = folder.join(FILE);
    let text = open(&name).and_then(|file| read(&file, askers));
    remove(&name);
    text
}

fn open(name: &Path) -> Result<File, Refusal> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(name);
    file.map_err(|error| match error.raw_os_error() {
        Some(code) if code == nix::Error::ELOOP as i32 => Refusal::Link,
        // A socket.
        Some(code) if code == nix::Error::ENXIO as i32 => Refusal::NotPlain,
        _ if error.kind() == io::ErrorKind::NotFound => Refusal::Absent,
        _ => Refusal::Read(error),
    })
}

fn read(file: &File, askers: &[u32]) -> Result<Vec<u8>, Refusal> {
    let about = file.metadata().map_err(Refusal::Read)?;
    if !about.is_file() {
        return Err(Refusal::NotPlain);
    }
    if about.uid() != 0 && !askers.contains(&about.uid()) {
        return Err(Refusal::Owner(about.uid()));
    }
    let (mode, names) = (about.mode() & 0o777, about.nlink());
    if mode & WRITABLE != 0 || names != 1 {
        return Err(Refusal::Shared { mode, names });
    }
    let mut text = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut text);
    read.map_err(Refusal::Read)?;
    // Of what was read, and not of what the file said before: it may have grown.
    if text.len() as u64 > LARGEST {
        return Err(Refusal::TooLarge);
    }
    Ok(text)
}

/// Removes whatever has the name, or renames it: a path unit starts us for as long as it is there. A folder
/// with something in it that is not ours cannot be removed without the capabilities that we do not have.
fn remove(name: &Path) {
    let gone = match fs::symlink_metadata(name) {
        // It does not follow links, wherever in the tree they are.
        Ok(about) if about.is_dir() => fs::remove_dir_all(name),
        Ok(_) => fs::remove_file(name),
        Err(_) => Ok(()),
    };
    if gone.is_err() {
        let aside = format!(".refused-{}", std::process::id());
        // If this fails too, systemd gives the path unit up after a while.
        let _ = fs::rename(name, name.with_file_name(aside));
    }
}
