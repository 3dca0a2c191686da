//! What the updater did, as messages: which entries of its history have not been sent, and the file that knows.
//!
//! The history is a short list that outlives slots and restarts, written by two programs, one of which ends with a
//! restart of the node. So nobody signals it: it is asked for, and compared with what was there before. A
//! message is put into the queue, and noted at the next look, when it is on disk; after a power cut in between it is
//! sent twice.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use vigla_bus::updater::{HistoryEntry, UpdaterProxy};
use vigla_kit::{Context, atomic};

/// The updater is asked so often, in microseconds.
const EVERY_USEC: u64 = 30_000_000;
/// As long as the history is.
const MOST: u32 = 50;
/// Longest wait for it within the loop.
const PATIENCE: Duration = Duration::from_millis(500);

/// The entries that are on their way or sent.
#[derive(Debug)]
pub struct Updates {
    file: PathBuf,
    told: BTreeSet<String>,
    /// What of it the file knows.
    noted: BTreeSet<String>,
    asked_usec: Option<u64>,
}

impl Updates {
    /// What `file` knows; nothing when it cannot be read.
    #[must_use]
    pub fn open(file: PathBuf) -> Self {
        let text = std::fs::read(&file).unwrap_or_default();
        let told: BTreeSet<String> = serde_json::from_slice(&text).unwrap_or_default();
        Self {
            file,
            noted: told.clone(),
            told,
            asked_usec: None,
        }
    }

    /// Whether the updater is to be asked at `mono_usec`; it is taken as asked then.
    pub fn due(&mut self, mono_usec: u64) -> bool {
        let due = self
            .asked_usec
            .is_none_or(|asked| mono_usec.saturating_sub(asked) >= EVERY_USEC);
        if due {
            self.asked_usec = Some(mono_usec);
        }
        due
    }

    /// Ask at once next time: the updater has just come.
    pub fn doubt(&mut self) {
        self.asked_usec = None;
    }

    /// Those of `listed` (newest first) that are new, oldest first.
    #[must_use]
    pub fn fresh(&self, listed: &[HistoryEntry]) -> Vec<HistoryEntry> {
        let new = listed
            .iter()
            .filter(|entry| !self.told.contains(&key(entry)));
        new.rev().cloned().collect()
    }

    /// All of `listed` were put into the queue. What is no longer listed is forgotten.
    pub fn tell(&mut self, listed: &[HistoryEntry]) {
        self.note();
        self.told = listed.iter().map(key).collect();
    }

    /// Notes what was told before.
    fn note(&mut self) {
        if self.told == self.noted {
            return;
        }
        let text = serde_json::to_vec(&self.told).unwrap_or_default();
        match atomic::write(&self.file, &text) {
            Ok(()) => self.noted.clone_from(&self.told),
            Err(error) => {
                tracing::warn!(%error, "cannot note which updates were told, telling them again after a restart");
            }
        }
    }
}

/// An orderly end: the queue goes to the disk too.
impl Drop for Updates {
    fn drop(&mut self) {
        self.note();
    }
}

/// A dossier may be dropped from an entry later; what happened stays the same.
fn key(entry: &HistoryEntry) -> String {
    let HistoryEntry {
        time_usec,
        event,
        slot,
        version,
        tries,
        ..
    } = entry;
    format!("{time_usec} {event} {slot} {version} {tries}")
}

/// What the updater lists; `None` when it does not answer.
pub(crate) async fn listed(context: &Context) -> Option<Vec<HistoryEntry>> {
    let ask = async {
        let updater = UpdaterProxy::builder(&context.calls)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        updater.list_history(MOST).await
    };
    match timeout(PATIENCE, ask).await {
        Ok(Ok(listed)) => Some(listed),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the updater does not list its history, asking again");
            None
        }
        Err(_) => None,
    }
}

/// `vigla/v1/<node>/updates`.
#[derive(Debug, Serialize)]
pub struct Updated {
    /// [`crate::message::schema::UPDATE`].
    pub schema: &'static str,
    /// This node.
    pub node_id: String,
    /// The boot that sends it, which is seldom the one it is about.
    pub boot_id: String,
    /// See [`crate::message::Head::seq`].
    pub seq: u64,
    /// When it happened, RFC 3339 in UTC, by the clock of then.
    pub ts: String,
    /// `floor`: nobody keeps how far that clock could be trusted.
    pub time_quality: &'static str,
    /// What happened.
    pub update: Update,
    /// What was seen of a start that failed.
    pub dossier: Value,
}

/// What happened to the slots; words as in [`HistoryEntry`].
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "they stand in the contract")]
pub struct Update {
    pub event: String,
    pub slot: String,
    pub version: String,
    pub before: String,
    pub source: String,
    pub result: String,
    pub tries: u32,
}

impl From<&HistoryEntry> for Update {
    fn from(entry: &HistoryEntry) -> Self {
        Self {
            event: entry.event.clone(),
            slot: entry.slot.clone(),
            version: entry.version.clone(),
            before: entry.before.clone(),
            source: entry.source.clone(),
            result: entry.result.clone(),
            tries: entry.tries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time_usec: u64, event: &str) -> HistoryEntry {
        HistoryEntry {
            time_usec,
            event: event.to_owned(),
            ..HistoryEntry::default()
        }
    }

    #[test]
    fn each_entry_is_told_once_oldest_first_also_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Updates::open(folder.path().join("updates.json"));
        let mut updates = open();
        // The clock may have gone back between them.
        let listed = [entry(5, "fell-back"), entry(9, "failed")];
        assert_eq!(
            updates.fresh(&listed),
            [entry(9, "failed"), entry(5, "fell-back")]
        );
        updates.tell(&listed);
        assert_eq!(updates.fresh(&listed), []);
        assert_eq!(open().fresh(&listed).len(), 2, "not on disk yet");
        updates.tell(&listed);
        assert_eq!(open().fresh(&listed), []);
        let now = [entry(6, "installed"), entry(5, "fell-back")];
        assert_eq!(updates.fresh(&now), [entry(6, "installed")]);
        updates.tell(&now);
        drop(updates);
        assert_eq!(open().fresh(&now), [], "an orderly end");
    }

    #[test]
    fn a_note_that_cannot_be_read_or_written_tells_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("updates.json");
        atomic::write(&path, b"[1, {").unwrap();
        assert_eq!(Updates::open(path).fresh(&[entry(1, "passed")]).len(), 1);
        let mut nowhere = Updates::open(folder.path().join("no/such"));
        nowhere.tell(&[entry(1, "passed")]);
        assert_eq!(nowhere.fresh(&[entry(1, "passed")]), []);
    }

    #[test]
    fn it_is_asked_at_once_then_now_and_then_and_when_the_updater_comes() {
        let mut updates = Updates::open(PathBuf::from("/no/such"));
        assert!(updates.due(0));
        assert!(!updates.due(EVERY_USEC - 1));
        assert!(updates.due(EVERY_USEC));
        updates.doubt();
        assert!(updates.due(EVERY_USEC + 1));
    }
}
