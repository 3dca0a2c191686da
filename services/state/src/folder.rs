//! Files of a service, and the copies of them that are kept for another version.
//!
//! A copy is one file, so that it is whole or not there. It names what is not there too: a slot that does not
//! know the step learns from it which files the step is about.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::unistd::{Gid, Uid, chown};
use vigla_act::{Places, file};

use crate::steps::Files;

/// Where the files of a service lie.
pub(crate) fn of(noun: &str, places: &Places) -> PathBuf {
    places.at("var/lib/vigla").join(noun)
}

/// Makes a folder of root's own, with those above.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// `names`, each as it is. Links are not followed: the folder is the service's.
pub(crate) fn read(folder: &Path, names: &[&str]) -> io::Result<Files> {
    let mut files = Files::new();
    for name in names {
        let path = folder.join(name);
        let bytes = match fs::symlink_metadata(&path) {
            Ok(about) if about.is_file() => Some(fs::read(path)?),
            Ok(_) => return Err(io::Error::other(format!("`{name}` is not a plain file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        files.insert((*name).to_owned(), bytes);
    }
    Ok(files)
}

/// Makes the folder hold `files`. Each keeps its owner and mode; a new one is its folder's owner's alone.
pub(crate) fn write(folder: &Path, files: &Files) -> io::Result<()> {
    let home = fs::symlink_metadata(folder)?;
    for (name, bytes) in files {
        let path = folder.join(name);
        let before = fs::symlink_metadata(&path).ok();
        let Some(bytes) = bytes else {
            if before.is_some() {
                fs::remove_file(&path)?;
            }
            continue;
        };
        let mode = before.as_ref().map_or(0o600, |about| about.mode() & 0o777);
        let owner = before.as_ref().unwrap_or(&home);
        let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
        file::replace(&path, bytes, mode)?;
        chown(&path, Some(uid), Some(gid))?;
    }
    fs::File::open(folder)?.sync_all()
}

fn kept(noun: &str, version: u32, places: &Places) -> PathBuf {
    places.at(format!("var/lib/vigla/state/{noun}-{version}.json"))
}

/// The copy that is kept for `version`; `None` when there is none.
pub(crate) fn copy(noun: &str, version: u32, places: &Places) -> io::Result<Option<Files>> {
    let text = match fs::read(kept(noun, version, places)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let all: BTreeMap<String, Option<String>> = serde_json::from_slice(&text)?;
    let bytes = |(name, text): (String, Option<String>)| {
        let bytes = text.map(|text| STANDARD.decode(text)).transpose();
        bytes
            .map(|bytes| (name, bytes))
            .map_err(|error| io::Error::other(error.to_string()))
    };
    all.into_iter()
        .map(bytes)
        .collect::<io::Result<_>>()
        .map(Some)
}

/// Keeps `files` as those of `version`.
pub(crate) fn keep(noun: &str, version: u32, places: &Places, files: &Files) -> io::Result<()> {
    let text = |(name, bytes): (&String, &Option<Vec<u8>>)| {
        (
            name.clone(),
            bytes.as_ref().map(|bytes| STANDARD.encode(bytes)),
        )
    };
    let all: BTreeMap<_, _> = files.iter().map(text).collect();
    let path = kept(noun, version, places);
    make(path.parent().unwrap_or(&path))?;
    file::replace(&path, &serde_json::to_vec(&all)?, 0o600)
}
