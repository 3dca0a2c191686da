//! What was applied last: which file of the owner, and what was made of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use ring::digest::{SHA256, digest as sha};
use serde::{Deserialize, Serialize};
use vigla_act::{Places, file};

use super::item;

const FILE: &str = "var/lib/vigla/site/applied.json";

/// Paths below the root, and the digest of what was written there.
pub(super) type Written = BTreeMap<String, String>;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// Digest of the owner's file.
    pub(super) source: String,
    files: Written,
}

impl Record {
    /// What is written down; nothing when it cannot be read, so that all is applied again.
    pub(super) fn load(places: &Places) -> Self {
        let bytes = fs::read(places.at(FILE)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Removes what was made of an earlier file and is wanted no more. What somebody changed since
    /// then is his, and stays.
    pub(super) fn remove_others(
        &self,
        wanted: &Written,
        places: &Places,
        troubles: &mut Vec<String>,
    ) {
        for (name, made) in &self.files {
            let path = places.at(name);
            if wanted.contains_key(name) || digest_of(&path).as_ref() != Some(made) {
                continue;
            }
            if let Err(error) = fs::remove_file(&path) {
                troubles.push(format!("cannot remove `/{name}`: {error}"));
            }
        }
    }
}

pub(super) fn save(source: String, files: Written, places: &Places) -> io::Result<()> {
    let path = places.at(FILE);
    if let Some(folder) = path.parent() {
        item::make(folder)?;
    }
    let text = serde_json::to_vec_pretty(&Record { source, files })?;
    file::replace(&path, &text, 0o600)
}

/// The digest of a file's content, or of where a link leads.
fn digest_of(path: &Path) -> Option<String> {
    if let Ok(target) = fs::read_link(path) {
        return Some(digest(target.as_os_str().as_encoded_bytes()));
    }
    fs::read(path).ok().map(|bytes| digest(&bytes))
}

pub(super) fn digest(bytes: &[u8]) -> String {
    hex(sha(&SHA256, bytes).as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
