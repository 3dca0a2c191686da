//! Which fragments there are, how they merge, and where each value stands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::{ConfigError, Place};

/// Paths of the fragments in the order in which they apply.
pub(super) fn list(noun: &str, places: &[PathBuf]) -> Result<Vec<PathBuf>, ConfigError> {
    let mut by_name: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for place in places {
        let folder = place.join(format!("{noun}.d"));
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(ConfigError::List {
                    path: folder,
                    source,
                });
            }
        };
        for entry in entries {
            let entry = entry.map_err(|source| ConfigError::List {
                path: folder.clone(),
                source,
            })?;
            if Path::new(&entry.file_name())
                .extension()
                .is_some_and(|e| e == "toml")
            {
                by_name.insert(entry.file_name(), entry.path());
            }
        }
    }
    Ok(by_name.into_values().collect())
}

/// The text of a fragment. A link to `/dev/null` masks one of the same name, as elsewhere in
/// systemd's world; a pipe would be waited for without end.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    let fault = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let is_null = || {
        path.canonicalize()
            .is_ok_and(|to| to == Path::new("/dev/null"))
    };
    if !path.metadata().map_err(fault)?.is_file() && !is_null() {
        return Err(fault(io::Error::other("it is not a plain file")));
    }
    String::from_utf8(std::fs::read(path).map_err(fault)?).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        ConfigError::Fragment {
            place: Place::of(path, &text, sound),
            message: String::from("this is not text in UTF-8"),
        }
    })
}

/// The first key of `given` with a list where `shape` has a table (`[[gate]]` for `[gate]`): serde
/// would take one for the other, value by value.
pub(super) fn listed(shape: &toml::Table, given: &toml::Table) -> Option<String> {
    given
        .iter()
        .find_map(|(key, value)| match (shape.get(key)?, value) {
            (toml::Value::Table(_), toml::Value::Array(_)) => Some(key.clone()),
            (toml::Value::Table(shape), toml::Value::Table(given)) => {
                Some(format!("{key}.{}", listed(shape, given)?))
            }
            _ => None,
        })
}

/// Lays `over` on `under`: tables are merged, everything else is replaced.
pub(super) fn merge(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Knows in which file and line each value was set last.
#[derive(Debug, Default, Clone)]
pub struct Locator(BTreeMap<String, Place>);

impl Locator {
    /// An error about the value at `key` (`camera.front.zones`, list items as `labels.2`); names
    /// the nearest enclosing key that a file sets.
    pub fn error(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let (key, message) = (key.to_owned(), message.into());
        match self.place(&key) {
            Some(place) => ConfigError::Value {
                key,
                place,
                message,
            },
            None => ConfigError::Default { key, message },
        }
    }

    /// Where the value at `key`, or the nearest key around it, was set.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<Place> {
        let mut key = key;
        loop {
            if let Some(place) = self.0.get(key) {
                return Some(place.clone());
            }
            key = key.rsplit_once('.')?.0;
        }
    }

    /// Notes the places of all values of a fragment that is known to parse.
    pub(super) fn learn(&mut self, text: &str, path: &Path) {
        let Ok(table) = toml::de::DeTable::parse(text) else {
            return;
        };
        let note = |places: &mut BTreeMap<String, Place>, key: &str, offset: usize| {
            places.insert(key.to_owned(), Place::of(path, text, offset));
        };
        let mut open: Vec<(String, usize, &DeValue<'_>)> = Vec::new();
        for (key, value) in table.get_ref() {
            open.push((key.get_ref().to_string(), key.span().start, value.get_ref()));
        }
        while let Some((key, offset, value)) = open.pop() {
            note(&mut self.0, &key, offset);
            match value {
                DeValue::Table(table) => open.extend(table.iter().map(|(k, v)| {
                    (
                        format!("{key}.{}", k.get_ref()),
                        k.span().start,
                        v.get_ref(),
                    )
                })),
                DeValue::Array(items) => open.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(i, v)| (format!("{key}.{i}"), v.span().start, v.get_ref())),
                ),
                _ => {}
            }
        }
    }
}
