//! Where an image goes: a whole disk that nobody uses, or a file.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use nix::fcntl::OFlag;

use super::disks::{self, Disk};
use crate::process;
use crate::stop::{self, Stop};

/// So much larger than the image is a file, so that the node has room for its data.
const ROOM: u64 = 512 << 20;

/// What is written to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    /// In bytes.
    pub(super) size: u64,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Disk(Box<Disk>),
    /// Whether it is there and holds something.
    File {
        full: bool,
    },
}

impl Target {
    /// Looks at what is there, and refuses what must not be overwritten.
    pub(super) fn look(device: &Path, needed: u64, wish: Option<u64>) -> anyhow::Result<Self> {
        let refuse = |why: &str| {
            let message = format!("`{}` is not written: {why}", device.display());
            Stop::with(stop::USAGE, message)
        };
        let about = match fs::metadata(device) {
            Ok(about) => Some(about),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("look at `{}`", device.display()));
            }
        };
        let is_disk = |about: &fs::Metadata| about.file_type().is_block_device();
        if about.as_ref().is_some_and(is_disk) {
            if wish.is_some() {
                return Err(refuse("`--size` is for files, and this is a disk"));
            }
            return Self::disk(device, needed).map_err(|why| refuse(&format!("{why:#}")));
        }
        if about.as_ref().is_some_and(|about| !about.is_file()) {
            return Err(refuse("it is neither a disk nor a file"));
        }
        if about.is_none() && device.starts_with("/dev") {
            return Err(refuse(
                "there is no such disk; `cargo xtask flash --list` shows those there are",
            ));
        }
        let size = wish.unwrap_or(needed + ROOM);
        if size < needed {
            return Err(refuse(&format!("the image needs {}", disks::size(needed))));
        }
        Ok(Self {
            path: device.to_owned(),
            size,
            kind: Kind::File {
                full: about.is_some_and(|about| about.len() > 0),
            },
        })
    }

    fn disk(device: &Path, needed: u64) -> anyhow::Result<Self> {
        let path = device.canonicalize()?;
        let disk = disks::find(&path)?;
        if let Some(why) = disk.refusal(Some(needed)) {
            anyhow::bail!("{why}");
        }
        let size = disk.size;
        let kind = Kind::Disk(Box::new(disk));
        Ok(Self { path, size, kind })
    }

    /// Whether something else may have been on it.
    pub(super) fn is_disk(&self) -> bool {
        matches!(self.kind, Kind::Disk(_))
    }

    /// Opens it for us alone.
    pub(super) fn open(&self) -> anyhow::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        match self.kind {
            // The kernel then refuses a disk that is mounted or used in any way, also where `lsblk`
            // does not see it, and it lets nobody mount it meanwhile.
            Kind::Disk(_) => options.custom_flags(OFlag::O_EXCL.bits()),
            Kind::File { .. } => options.create(true).truncate(true),
        };
        let file = options
            .open(&self.path)
            .map_err(|error| self.closed(&error))?;
        if !self.is_disk() {
            let sized = file.set_len(self.size);
            sized.with_context(|| {
                format!("make `{}` {}", self.path.display(), disks::size(self.size))
            })?;
        }
        Ok(file)
    }

    fn closed(&self, error: &std::io::Error) -> anyhow::Error {
        let path = self.path.display();
        let message = match error.kind() {
            ErrorKind::PermissionDenied => {
                let program = std::env::current_exe().unwrap_or_else(|_| "xtask".into());
                format!(
                    "`{path}` may only be written by root; the same with `sudo {} flash ...`",
                    program.display()
                )
            }
            ErrorKind::ResourceBusy => format!("`{path}` is not written: it is in use"),
            _ => format!("cannot open `{path}`: {error}"),
        };
        Stop::with(stop::UNAVAILABLE, message)
    }

    /// Closes it, and lets the kernel look at the new partitions.
    pub(super) fn release(&self, file: File) -> anyhow::Result<()> {
        file.sync_all().context("wait for the disk")?;
        drop(file);
        if self.is_disk() {
            // Whether it works or not, the card is whole.
            let mut look = Command::new("blockdev");
            process::succeeds(look.arg("--rereadpt").arg(&self.path));
        }
        Ok(())
    }
}

/// `8G`, `512M`, or bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['G', 'g']) {
        Some(digits) => (digits, 1 << 30),
        None => match text.strip_suffix(['M', 'm']) {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        },
    };
    let size = digits
        .parse::<u64>()
        .ok()
        .and_then(|size| size.checked_mul(unit));
    size.ok_or_else(|| "a size is like `8G` or `900M`".to_owned())
}
