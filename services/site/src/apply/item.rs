//! A file or a link of the node, replaced whole.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use vigla_act::{Places, file};

use super::record::digest;
use crate::machine::Machine;

/// What a daemon alone may read: its own, with root's group, so that root needs no capability for it.
pub(super) const OWN: u32 = 0o440;

/// One file or link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Below the root.
    path: String,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    File {
        text: String,
        mode: u32,
        /// Whose it is, if not root's.
        user: Option<&'static str>,
    },
    Link(String),
}

impl Item {
    /// Below the root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A file of root's.
    pub(super) fn file(path: impl Into<String>, text: impl Into<String>, mode: u32) -> Self {
        let (path, text) = (path.into(), text.into());
        let user = None;
        let what = What::File { text, mode, user };
        Self { path, what }
    }

    /// A file that only `user` (and root) may read.
    pub(super) fn own(path: impl Into<String>, text: String, user: &'static str) -> Self {
        let what = What::File {
            text,
            mode: OWN,
            user: Some(user),
        };
        let path = path.into();
        Self { path, what }
    }

    pub(super) fn link(path: impl Into<String>, target: String) -> Self {
        let (path, what) = (path.into(), What::Link(target));
        Self { path, what }
    }

    /// Puts it there; gives the digest of what is there now.
    pub(super) fn put(&self, places: &Places, machine: &mut dyn Machine) -> io::Result<String> {
        let path = places.at(&self.path);
        if let Some(folder) = path.parent() {
            make(folder)?;
        }
        match &self.what {
            What::File { text, mode, user } => {
                file::replace(&path, text.as_bytes(), *mode)?;
                if let Some(user) = user {
                    machine.give(&path, user)?;
                }
                Ok(digest(text.as_bytes()))
            }
            What::Link(target) => {
                let beside = path.with_extension("new");
                let _ = fs::remove_file(&beside);
                symlink(target, &beside)?;
                fs::rename(&beside, &path)?;
                File::open(path.parent().unwrap_or(&path))?.sync_all()?;
                Ok(digest(target.as_bytes()))
            }
        }
    }
}

/// Makes a folder and those above it, for everybody to enter, whatever our umask is.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make(above)?;
    }
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}
