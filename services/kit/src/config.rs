//! Settings from TOML fragments: read, mask, merge, and say where a value came from.
//!
//! Fragments are `<place>/<noun>.d/*.toml`, sorted by file name across all places; a file of the
//! same name in a later place masks the earlier one. Tables are merged, everything else replaced.
//! Each fragment is parsed on its own into the typed settings first, so that an unknown key or a
//! value out of range is an error with file and line; so settings structs, inner ones too, have
//! `#[serde(default, deny_unknown_fields)]`, and checks live in the types of the values.

mod error;
mod fragments;
mod values;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{ConfigError, Place};
pub use fragments::Locator;
pub use values::{Port, Rate, Ratio, Span};

/// The settings of one daemon. `Default` is what an empty configuration means.
pub trait Settings: DeserializeOwned + Serialize + Default + Send + 'static {
    /// Checks what no single value can say (a zone of a camera that is not there). Errors are made
    /// with [`Locator::error`], so that they name file and line.
    fn check(&self, _at: &Locator) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// Settings and where each of their values came from.
#[derive(Debug)]
pub struct Loaded<S> {
    /// The merged, checked settings.
    pub settings: S,
    /// Finds the place of a value.
    pub locator: Locator,
}

/// Loads the settings of `noun` from fragments in `places`.
pub fn load<S: Settings>(noun: &str, places: &[PathBuf]) -> Result<Loaded<S>, ConfigError> {
    let mut merged = toml::Table::new();
    let mut locator = Locator::default();
    for path in fragments::list(noun, places)? {
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        let table = parse::<S>(&text, &path)?;
        locator.learn(&text, &path);
        fragments::merge(&mut merged, table);
    }
    let settings =
        S::deserialize(merged).map_err(|error| ConfigError::Merged(error.message().to_owned()))?;
    settings.check(&locator)?;
    Ok(Loaded { settings, locator })
}

/// A place that somebody named must be there; the `usual` ones may be absent.
pub(crate) fn there(places: &[PathBuf], usual: &[&str]) -> Result<(), ConfigError> {
    let missing = |place: &&PathBuf| {
        !usual.iter().any(|u| Path::new(u) == place.as_path()) && !place.is_dir()
    };
    places.iter().find(missing).map_or(Ok(()), |place| {
        let source = std::io::ErrorKind::NotFound.into();
        Err(ConfigError::List {
            path: place.clone(),
            source,
        })
    })
}

/// Parses one fragment, typed for its errors and untyped for the merge.
fn parse<S: Settings>(text: &str, path: &Path) -> Result<toml::Table, ConfigError> {
    let fault = |error: &toml::de::Error| ConfigError::Fragment {
        place: Place::of(path, text, error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', ", "),
    };
    toml::from_str::<S>(text).map_err(|error| fault(&error))?;
    text.parse::<toml::Table>().map_err(|error| fault(&error))
}

/// The settings as TOML, for `--check`.
pub fn show<S: Settings>(settings: &S) -> Result<String, ConfigError> {
    toml::to_string_pretty(settings).map_err(|error| ConfigError::Merged(error.to_string()))
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
