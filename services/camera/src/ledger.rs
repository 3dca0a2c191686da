//! Which camera had which id, kept across restarts, so that a camera that moved while we were off
//! is recognised as well. Losing it costs no more than that.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::identity::Identity;

/// Cameras remembered; the ones seen longest ago go first.
const MOST: usize = 64;

/// The book of ids.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    entries: Vec<(String, Identity)>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Rises when the meaning changes; a newer one is left alone and not read.
    version: u32,
    #[serde(default)]
    camera: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    id: String,
    #[serde(flatten)]
    identity: Identity,
}

const VERSION: u32 = 1;

impl Ledger {
    /// Reads the book in `folder`; without one it is empty.
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join("cameras.toml");
        let entries = read(&path).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "cannot read who had which id, starting anew");
            Vec::new()
        });
        Self { path, entries }
    }

    /// Ids and who had them.
    pub(crate) fn entries(&self) -> &[(String, Identity)] {
        &self.entries
    }

    /// Notes that `identity` has `id`. Writes only when that is news.
    pub(crate) fn note(&mut self, id: &str, identity: &Identity) {
        let entry = (id.to_owned(), identity.clone());
        if self.entries.contains(&entry) {
            return;
        }
        self.entries
            .retain(|(old, whose)| old != id && whose != identity);
        self.entries.push(entry);
        let surplus = self.entries.len().saturating_sub(MOST);
        self.entries.drain(..surplus);
        if let Err(error) = self.write() {
            tracing::warn!(path = %self.path.display(), %error, "cannot note who has which id, going on without");
        }
    }

    fn write(&self) -> io::Result<()> {
        let camera = self.entries.iter().map(|(id, identity)| Entry {
            id: id.clone(),
            identity: identity.clone(),
        });
        let file = File {
            version: VERSION,
            camera: camera.collect(),
        };
        let text = toml::to_string(&file).map_err(io::Error::other)?;
        vigla_kit::atomic::write(&self.path, text.as_bytes())
    }
}

fn read(path: &Path) -> io::Result<Vec<(String, Identity)>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let file: File =
        toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned()))?;
    if file.version != VERSION {
        return Err(io::Error::other(format!(
            "version {} is not ours",
            file.version
        )));
    }
    Ok(file
        .camera
        .into_iter()
        .map(|entry| (entry.id, entry.identity))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(port: &str) -> Identity {
        Identity {
            path: format!("c/{port}"),
            port: port.into(),
            serial: String::new(),
            model: String::new(),
        }
    }

    #[test]
    fn remembers_across_restarts_and_survives_a_torn_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path());
        ledger.note("a", &identity("1"));
        ledger.note("b", &identity("2"));
        ledger.note("a", &identity("3"));
        let again = Ledger::open(folder.path());
        assert_eq!(
            again.entries(),
            [("b".into(), identity("2")), ("a".into(), identity("3"))]
        );
        vigla_kit::atomic::write(&folder.path().join("cameras.toml"), b"version = 1\n[[cam")
            .unwrap();
        assert_eq!(Ledger::open(folder.path()).entries(), []);
    }
}
