//! Which version wrote the state of each service: `/var/lib/vigla/state/versions.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde::{Deserialize, Serialize};
use vigla_act::{Places, file};

use crate::folder;

const FILE: &str = "var/lib/vigla/state/versions.json";

/// The stamp of one service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stamp {
    /// The version of its files.
    pub(crate) version: u32,
    /// There while they are being changed to another one: they may be of either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) moving_to: Option<u32>,
}

/// By the noun of the service.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stamps(BTreeMap<String, Stamp>);

impl Stamps {
    /// What is written down; nothing when it cannot be read.
    pub(crate) fn load(places: &Places) -> Self {
        let bytes = fs::read(places.at(FILE)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    pub(crate) fn get(&self, noun: &str) -> Option<Stamp> {
        self.0.get(noun).copied()
    }

    /// Writes a stamp down.
    pub(crate) fn set(&mut self, noun: &str, stamp: Stamp, places: &Places) -> io::Result<()> {
        if self.get(noun) == Some(stamp) {
            return Ok(());
        }
        self.0.insert(noun.to_owned(), stamp);
        let path = places.at(FILE);
        folder::make(path.parent().unwrap_or(&path))?;
        file::replace(&path, &serde_json::to_vec_pretty(self)?, 0o600)
    }
}
