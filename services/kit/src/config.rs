//! Settings from TOML fragments: read, mask, merge, and say where a value came from.
//!
//! Fragments are `<place>/<noun>.d/*.toml`, sorted by file name across all places; a file of the
//! same name in a later place masks the earlier one. Tables are merged, everything else replaced.
//! Each fragment is parsed on its own into the typed settings first, so that an unknown key or a
//! value out of range is an error with file and line; so settings structs, inner ones too, have
//! `#[serde(default, deny_unknown_fields)]`, and checks live in the types of the values.

mod error;
pub mod form;
mod fragments;
mod span;
mod values;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{ConfigError, Place};
pub use fragments::Locator;
pub use span::{DAY, HOUR, MINUTE, SECOND, Span};
pub use values::{Rate, Ratio};

/// The settings of one daemon. `Default` is what an empty configuration means.
pub trait Settings: DeserializeOwned + Serialize + Default + Send + 'static {
    /// Checks what no single value can say (a zone of a camera that is not there). Errors are made
    /// with [`Locator::error`], so that they name file and line.
    fn check(&self, _at: &Locator) -> Result<(), ConfigError> {
        Ok(())
    }

    /// What [`check`](Self::check) could not find out on this machine; `--check` says it.
    fn notices(&self) -> Vec<String> {
        Vec::new()
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
    load_under(noun, places, None)
}

/// The same with the file `top`, wherever it lies, as the last fragment.
pub fn load_under<S: Settings>(
    noun: &str,
    places: &[PathBuf],
    top: Option<&Path>,
) -> Result<Loaded<S>, ConfigError> {
    let mut merged = toml::Table::new();
    let mut locator = Locator::default();
    let shape = toml::Table::try_from(S::default());
    let shape = shape.map_err(|error| ConfigError::Merged(error.to_string()))?;
    // What one fragment leaves out another may hold: only the sum decides.
    let mut lacking = None;
    let mut paths = fragments::list(noun, places)?;
    paths.extend(top.map(Path::to_owned));
    for path in paths {
        let text = fragments::read(&path)?;
        let (table, lacks) = parse::<S>(&text, &path)?;
        lacking = lacks.or(lacking);
        locator.learn(&text, &path);
        if let Some(key) = fragments::listed(&shape, &table) {
            let message = format!("a list stands here, expected {}", form::TABLE);
            return Err(locator.error(&key, message));
        }
        fragments::merge(&mut merged, table);
    }
    let settings = S::deserialize(merged).map_err(|error| match lacking {
        Some(lacking) if is_lack(&error) => lacking,
        _ => ConfigError::Merged(form::plain(error.to_string().trim_end())),
    })?;
    settings.check(&locator)?;
    Ok(Loaded { settings, locator })
}

/// Where fragments lie when no folder is named; later places mask earlier ones.
pub const PLACES: [&str; 3] = ["/usr/lib/vigla", "/run/vigla/config", "/etc/vigla"];

/// A place that somebody named must be there; the usual [`PLACES`] may be absent.
pub fn there(places: &[PathBuf]) -> Result<(), ConfigError> {
    let missing = |place: &&PathBuf| {
        !PLACES.iter().any(|u| Path::new(u) == place.as_path()) && !place.is_dir()
    };
    places.iter().find(missing).map_or(Ok(()), |place| {
        let kind = std::io::ErrorKind::NotFound;
        let source = std::io::Error::new(kind, "there is no such folder");
        Err(ConfigError::List {
            path: place.clone(),
            source,
        })
    })
}

/// Parses one fragment, typed for its errors and untyped for the merge. A key that it lacks is
/// no error yet.
fn parse<S: Settings>(
    text: &str,
    path: &Path,
) -> Result<(toml::Table, Option<ConfigError>), ConfigError> {
    let fault = |error: &toml::de::Error| ConfigError::Fragment {
        place: Place::of(path, text, error.span().map_or(0, |span| span.start)),
        message: form::plain(error.message()),
    };
    let lacking = match toml::from_str::<S>(text) {
        Ok(_) => None,
        Err(error) if is_lack(&error) => Some(fault(&error)),
        Err(error) => return Err(fault(&error)),
    };
    let table = text.parse().map_err(|error| fault(&error))?;
    Ok((table, lacking))
}

fn is_lack(error: &toml::de::Error) -> bool {
    error.message().starts_with("missing field ")
}

/// The settings as TOML, for `--check`.
pub fn show<S: Settings>(settings: &S) -> Result<String, ConfigError> {
    toml::to_string_pretty(settings).map_err(|error| ConfigError::Merged(error.to_string()))
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
