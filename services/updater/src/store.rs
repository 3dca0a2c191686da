//! What outlives the slots: the floor, which versions passed, the version on trial, the history.
//!
//! One small JSON file in the state folder, shared by the service and the mission gate: each change is
//! read, made and written under a lock of the file beside it. Keys that an older or a newer version does
//! not know do no harm, so that a slot may go back. A file that cannot be read is set aside and begun
//! anew: a node without its past still updates.

mod history;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use semver::Version;
use serde::{Deserialize, Serialize};
use vigla_kit::atomic;

pub use history::Entry;

/// Everything that is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The highest version that passed the mission gate here; no older one is installed.
    pub floor: Option<Version>,
    /// Slots with the version that passed in them.
    pub proven: BTreeMap<String, Version>,
    /// What was installed and has not passed yet.
    pub trial: Option<Trial>,
    /// What worked when the node last was well: the gate wants it back.
    pub worked: Worked,
    /// The number of the newest release feed that was believed: an older one is a replay.
    pub feed_serial: u64,
    /// What happened, oldest first.
    pub history: Vec<Entry>,
}

/// A version that is to prove itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trial {
    /// The slot it was written to.
    pub slot: String,
    /// The version.
    pub version: String,
    /// The version that wrote it.
    pub before: String,
    /// Whether RAUC said that it is whole.
    pub written: bool,
    /// Boot ids of its starts that came as far as the gate.
    pub boots: Vec<String>,
}

/// What worked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Worked {
    /// Ids of the cameras that gave pictures.
    pub cameras: Vec<String>,
    /// Messages that the queue had accepted since it exists.
    pub accepted: u64,
}

impl State {
    /// Whether `version` in `slot` once passed.
    #[must_use]
    pub fn is_proven(&self, slot: &str, version: &str) -> bool {
        let known = self.proven.get(slot);
        known.is_some_and(|known| known.to_string() == version)
    }

    /// `version` in `slot` has passed: the floor rises, the trial is over. Tells whether it is the first time.
    pub fn prove(&mut self, slot: &str, version: &Version) -> bool {
        let first = self
            .proven
            .insert(slot.to_owned(), version.clone())
            .as_ref()
            != Some(version);
        self.trial = self.trial.take().filter(|trial| trial.slot != slot);
        let raised = self
            .floor
            .as_ref()
            .is_none_or(|floor| floor.cmp_precedence(version).is_lt());
        if raised {
            self.floor = Some(version.clone());
        }
        first
    }

    /// `trial` was written: what was in its slot is gone.
    pub fn try_out(&mut self, trial: Trial) {
        self.proven.remove(&trial.slot);
        self.trial = Some(trial);
    }

    /// One more thing that happened.
    pub fn note(&mut self, entry: Entry) {
        history::push(&mut self.history, entry);
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// In the state folder of the service.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// There while a version is on trial: what a unit can ask for without reading JSON.
    #[must_use]
    pub fn marker(&self) -> PathBuf {
        self.folder.join("trial")
    }

    fn file(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// What is kept now.
    pub fn read(&self) -> io::Result<State> {
        let text = match fs::read(self.file()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(error) => return Err(error),
        };
        match serde_json::from_slice(&text) {
            Ok(state) => Ok(state),
            Err(error) => {
                tracing::warn!(%error, "the state cannot be read: it is set aside as `state.json.bad`, beginning anew");
                fs::rename(self.file(), self.folder.join("state.json.bad"))?;
                Ok(State::default())
            }
        }
    }

    /// Changes it, alone.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> io::Result<T> {
        let _turn = self.turn()?;
        let before = self.read()?;
        let mut state = before.clone();
        let answer = change(&mut state);
        if state != before {
            let text = serde_json::to_vec_pretty(&state).map_err(io::Error::other)?;
            atomic::write(&self.file(), &text)?;
        }
        self.mark(state.trial.is_some())?;
        Ok(answer)
    }

    fn turn(&self) -> io::Result<Flock<File>> {
        let path = self.folder.join("state.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
    }

    /// After the state: a marker without a trial only costs a restart, a trial without one a node.
    fn mark(&self, trial: bool) -> io::Result<()> {
        if trial == self.marker().exists() {
            return Ok(());
        }
        if trial {
            return atomic::write(&self.marker(), b"");
        }
        match fs::remove_file(self.marker()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn a_version_that_passes_raises_the_floor_and_ends_its_trial() {
        let mut state = State::default();
        assert!(state.prove("A", &version("1.0.0")));
        assert!(!state.prove("A", &version("1.0.0")));
        let trial = Trial {
            slot: "B".into(),
            version: "1.1.0".into(),
            ..Trial::default()
        };
        state.try_out(trial);
        assert!(state.prove("B", &version("1.1.0")));
        assert_eq!(
            (state.trial.as_ref(), state.floor.as_ref()),
            (None, Some(&version("1.1.0")))
        );
        // Going back does not lower it.
        state.prove("A", &version("1.0.0"));
        assert_eq!(state.floor, Some(version("1.1.0")));
        assert!(state.is_proven("A", "1.0.0") && !state.is_proven("A", "1.0.1"));
    }

    #[test]
    fn what_is_overwritten_is_no_longer_proven() {
        let mut state = State::default();
        state.prove("B", &version("1.0.0"));
        let slot = String::from("B");
        state.try_out(Trial {
            slot,
            ..Trial::default()
        });
        assert!(state.proven.is_empty());
    }

    #[test]
    fn changes_are_kept_and_the_marker_follows_the_trial() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert_eq!(store.read().unwrap(), State::default());
        store
            .change(|state| state.try_out(Trial::default()))
            .unwrap();
        assert!(store.marker().exists());
        store
            .change(|state| state.prove("", &version("2.0.0")))
            .unwrap();
        assert!(!store.marker().exists());
        assert_eq!(store.read().unwrap().floor, Some(version("2.0.0")));
    }

    #[test]
    fn damage_is_set_aside_and_a_newer_versions_keys_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let put =
            |text: &str| atomic::write(&folder.path().join("state.json"), text.as_bytes()).unwrap();
        put(r#"{"floor": "3.0.0", "from_the_future": [1]}"#);
        assert_eq!(store.read().unwrap().floor, Some(version("3.0.0")));
        for damage in ["{", "", "{\"floor\": 5}", "\u{0}"] {
            put(damage);
            assert_eq!(store.read().unwrap(), State::default(), "{damage}");
            assert!(folder.path().join("state.json.bad").exists());
        }
    }
}
