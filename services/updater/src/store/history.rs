//! The history: bounded, with the dossiers of the newest failures only.

use serde::{Deserialize, Serialize};
use vigla_bus::updater::HistoryEntry;

/// So many things are remembered.
const KEPT: usize = 50;
/// So many of them with a dossier: each is some 10 kB.
const DOSSIERS: usize = 5;

/// Something that happened; its fields are those of [`HistoryEntry`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "they stand in the contract")]
pub struct Entry {
    pub time_usec: u64,
    pub event: String,
    pub slot: String,
    pub version: String,
    pub before: String,
    pub source: String,
    pub result: String,
    pub tries: u32,
    pub dossier: Option<crate::dossier::Dossier>,
}

impl From<&Entry> for HistoryEntry {
    fn from(entry: &Entry) -> Self {
        let dossier = entry.dossier.as_ref();
        let dossier = dossier.and_then(|dossier| serde_json::to_string(dossier).ok());
        Self {
            time_usec: entry.time_usec,
            event: entry.event.clone(),
            slot: entry.slot.clone(),
            version: entry.version.clone(),
            before: entry.before.clone(),
            source: entry.source.clone(),
            result: entry.result.clone(),
            tries: entry.tries,
            dossier: dossier.unwrap_or_default(),
        }
    }
}

/// Adds one, and forgets what is too old.
pub(super) fn push(history: &mut Vec<Entry>, entry: Entry) {
    history.push(entry);
    let surplus = history.len().saturating_sub(KEPT);
    history.drain(..surplus);
    let with = history
        .iter_mut()
        .rev()
        .filter(|entry| entry.dossier.is_some());
    for old in with.skip(DOSSIERS) {
        old.dossier = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Dossier;

    #[test]
    fn the_newest_stay_and_few_dossiers() {
        let mut history = Vec::new();
        for n in 0..60 {
            let dossier = (n % 2 == 0).then(Dossier::default);
            let entry = Entry {
                time_usec: n,
                dossier,
                ..Entry::default()
            };
            push(&mut history, entry);
        }
        assert_eq!((history.len(), history[0].time_usec), (50, 10));
        let with = history.iter().filter(|entry| entry.dossier.is_some());
        assert_eq!(
            with.map(|entry| entry.time_usec).collect::<Vec<_>>(),
            [50, 52, 54, 56, 58]
        );
    }
}
