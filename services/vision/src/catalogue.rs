//! The models at hand: folders `<name>/<version>/`, scanned once.
//!
//! A folder that cannot be used does not hide the others: it is kept in
//! [`Catalogue::refused`] with the reason, for whoever reports problems.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::manifest::{FILE_NAME, Manifest, ManifestError};
use crate::near::nearest;

/// The models of some folders.
#[derive(Debug, Default)]
pub struct Catalogue {
    models: BTreeMap<(String, u32), Manifest>,
    refused: Vec<Refused>,
    folders: Vec<PathBuf>,
}

/// A model folder that cannot be used.
#[derive(Debug)]
pub struct Refused {
    /// The folder.
    pub folder: PathBuf,
    /// Why.
    pub error: RefusedError,
}

/// Why a model folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RefusedError {
    /// Its manifest is not usable.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The folders say another name or version than the manifest.
    #[error("`{}` holds the manifest of {found}; the folders must say the same", folder.display())]
    Elsewhere {
        /// The folder.
        folder: PathBuf,
        /// Name and version in the manifest.
        found: String,
    },
}

/// A model is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// No model of any name.
    #[error("no model is installed in {}", list(folders))]
    Nothing {
        /// The folders that were searched.
        folders: Vec<PathBuf>,
    },
    /// No model of that name.
    #[error("no model `{name}`; {}", choices(name, known))]
    Name {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The model has no such version.
    #[error(
        "model `{name}` has no version `{version}`; it has {}",
        versions(known)
    )]
    Version {
        /// The model.
        name: String,
        /// What was asked for.
        version: String,
        /// The versions there are.
        known: Vec<u32>,
    },
}

/// The folders as a clause: `` `/a`, `/b` ``.
fn list(folders: &[PathBuf]) -> String {
    if folders.is_empty() {
        return String::from("any folder, as none is named");
    }
    let texts = folders.iter().map(|f| format!("`{}`", f.display()));
    texts.collect::<Vec<_>>().join(", ")
}

fn choices(name: &str, known: &[String]) -> String {
    let there = format!("there are `{}`", known.join("`, `"));
    match nearest(name, known.iter().map(String::as_str)).as_slice() {
        [] => there,
        near => format!("close names: `{}`; {there}", near.join("`, `")),
    }
}

fn versions(known: &[u32]) -> String {
    let texts: Vec<_> = known.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl Catalogue {
    /// Reads every `<folder>/<name>/<version>/manifest.toml`. A later folder wins over an earlier
    /// one. A folder that does not exist holds no models.
    pub fn scan<P: AsRef<Path>>(folders: impl IntoIterator<Item = P>) -> Self {
        let mut catalogue = Self::default();
        for folder in folders {
            let folder = folder.as_ref();
            catalogue.folders.push(folder.to_owned());
            for model in subfolders(folder).iter().flat_map(|name| subfolders(name)) {
                if model.join(FILE_NAME).is_file() {
                    catalogue.take(&model);
                }
            }
        }
        catalogue
    }

    fn take(&mut self, folder: &Path) {
        let read = Manifest::read(folder).map_err(RefusedError::from);
        match read.and_then(|manifest| in_its_place(folder, manifest)) {
            Ok(manifest) => {
                let key = (manifest.name.clone(), manifest.version);
                self.models.insert(key, manifest);
            }
            Err(error) => self.refused.push(Refused {
                folder: folder.to_owned(),
                error,
            }),
        }
    }

    /// A model by name and version; an empty version means the newest.
    pub fn find(&self, name: &str, version: &str) -> Result<&Manifest, FindError> {
        let mut known: Vec<_> = self.iter().filter(|model| model.name == name).collect();
        let Some(newest) = known.last() else {
            let mut known: Vec<_> = self.iter().map(|model| model.name.clone()).collect();
            known.dedup();
            if known.is_empty() {
                let folders = self.folders.clone();
                return Err(FindError::Nothing { folders });
            }
            let name = name.to_owned();
            return Err(FindError::Name { name, known });
        };
        if version.is_empty() {
            return Ok(newest);
        }
        let position = known
            .iter()
            .position(|model| model.version.to_string() == version);
        match position {
            Some(position) => Ok(known.swap_remove(position)),
            None => Err(FindError::Version {
                name: name.to_owned(),
                version: version.to_owned(),
                known: known.iter().map(|model| model.version).collect(),
            }),
        }
    }

    /// All models, by name and version, also those whose model file is not installed.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.models.values()
    }

    /// Folders that cannot be used, and why.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Why model `name` cannot be used although its folder is there.
    pub fn refusal(&self, name: &str) -> Option<&Refused> {
        let named = |one: &&Refused| one.folder.parent().is_some_and(|dir| dir.ends_with(name));
        self.refused.iter().find(named)
    }

    /// The folders that were scanned.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

fn in_its_place(folder: &Path, manifest: Manifest) -> Result<Manifest, RefusedError> {
    let version = manifest.version.to_string();
    if folder.ends_with(Path::new(&manifest.name).join(version)) {
        Ok(manifest)
    } else {
        Err(RefusedError::Elsewhere {
            folder: folder.to_owned(),
            found: manifest.to_string(),
        })
    }
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}
