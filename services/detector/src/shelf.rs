//! Where models come from: installed folders and the inference library.
//!
//! [`Shelf`] is the seam: the loader asks it for a model that is proven to answer. Loading is all
//! or nothing and touches nothing that runs, so it can go on beside a working model.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use vigla_bus::{Problem, chain};
use vigla_vision::catalogue::FindError;
use vigla_vision::engine::ModelError;
use vigla_vision::label::UnknownLabel;
use vigla_vision::library::{FILE_NAME, LibraryError};
use vigla_vision::{Catalogue, Engine, Library, Model};

use crate::config::Settings;

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The inference library is missing, broken, or another one.
    #[error("load the inference library")]
    Library(#[source] LibraryError),
    /// There is no such model.
    #[error("find the model")]
    Find(#[source] FindError),
    /// Its file is not there.
    #[error("the file of model `{0}` is not installed")]
    NotInstalled(String),
    /// It is damaged, or not what its manifest says.
    #[error("open the model")]
    Open(#[source] ModelError),
    /// A label that is counted is not one of its labels.
    #[error("a counted label is not known to the model")]
    Label(#[source] UnknownLabel),
}

/// Gives out models that have answered a probe.
pub trait Shelf: Send {
    /// The model `name`, in `version` or, when empty, in its newest. Takes seconds.
    fn load(&self, name: &str, version: &str) -> Result<Box<dyn Model>, LoadError>;

    /// Changes when files change that [`load`](Self::load) reads: worth another try.
    fn fingerprint(&self) -> u64;
}

/// The models of this machine.
#[derive(Debug)]
pub struct Installed {
    library: Option<PathBuf>,
    folders: Vec<PathBuf>,
    threads: usize,
    labels: Vec<String>,
}

impl Installed {
    /// Where the settings say.
    pub fn from_settings(settings: &Settings) -> Self {
        let named = !settings.library.as_os_str().is_empty();
        Self {
            library: named.then(|| settings.library.clone()),
            folders: settings.model_dirs.clone(),
            threads: settings.threads.get(),
            labels: settings.labels.clone(),
        }
    }
}

impl Shelf for Installed {
    fn load(&self, name: &str, version: &str) -> Result<Box<dyn Model>, LoadError> {
        let catalogue = Catalogue::scan(&self.folders);
        for refused in catalogue.refused() {
            tracing::warn!(error = %refused.error, "ignoring a model");
        }
        let manifest = catalogue.find(name, version).map_err(LoadError::Find)?;
        if !manifest.installed() {
            return Err(LoadError::NotInstalled(manifest.to_string()));
        }
        Library::load(self.library.as_deref()).map_err(LoadError::Library)?;
        // Opening checks the digest, loads, checks the tensors and has it look at a picture.
        let engine = Engine::open(manifest, self.threads).map_err(LoadError::Open)?;
        check_labels(&engine, &self.labels)?;
        Ok(Box::new(engine))
    }

    fn fingerprint(&self) -> u64 {
        let library = self.library.iter().map(PathBuf::as_path);
        let usual = vigla_vision::library::FOLDERS.map(|folder| Path::new(folder).join(FILE_NAME));
        let catalogue = Catalogue::scan(&self.folders);
        let models = catalogue.iter().map(|model| model.file.as_path());
        library
            .chain(usual.iter().map(PathBuf::as_path))
            .chain(models)
            .fold(0, |sum, path| {
                sum.wrapping_mul(31).wrapping_add(changed(path))
            })
    }
}

/// All counted labels must be known, or counts would stay 0 without a word.
pub(crate) fn check_labels(model: &dyn Model, labels: &[String]) -> Result<(), LoadError> {
    for label in labels {
        let known = model.manifest().labels.check(label);
        known.map_err(LoadError::Label)?;
    }
    Ok(())
}

/// A number made of a file's size and time of change; 0 for one that is not there.
fn changed(path: &Path) -> u64 {
    let Ok(about) = path.metadata() else {
        return 0;
    };
    let time = about.modified().ok();
    let age = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanos = age.map_or(0, |age| u64::from(age.subsec_nanos()) ^ age.as_secs());
    (1 + about.len().wrapping_mul(1_000_003)) ^ nanos
}

impl LoadError {
    /// The problem that a daemon without another model has; `name` was to be loaded.
    pub(crate) fn problem(&self, name: &str) -> Problem {
        match self {
            Self::Library(error) => Problem::new(library_code(error), library_file(error)),
            Self::Find(_) | Self::NotInstalled(_) => Problem::new("no-model", name),
            Self::Open(ModelError::Digest { .. }) => Problem::new("model-digest", name),
            Self::Label(unknown) => Problem::new("label-unknown", unknown.label.clone()),
            Self::Open(_) => Problem::new("model-failed", name),
        }
    }

    /// Whether there is nothing of that name, or nothing to load it with.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Library(_) | Self::Find(_) | Self::NotInstalled(_)
        )
    }

    /// The same for a caller of `LoadModel`.
    pub(crate) fn bus_error(&self) -> vigla_bus::Error {
        let text = chain(self);
        match self {
            Self::Library(_) => vigla_bus::Error::NotReady(text),
            Self::Find(_) | Self::NotInstalled(_) => vigla_bus::Error::NotFound(text),
            Self::Open(_) | Self::Label(_) => vigla_bus::Error::InvalidArgument(text),
        }
    }

    /// The value of the metric's label `result`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Library(error) => library_code(error),
            Self::Find(_) | Self::NotInstalled(_) => "no-model",
            Self::Open(ModelError::Digest { .. }) => "digest",
            Self::Open(ModelError::Probe { .. }) => "no-answer",
            Self::Open(_) => "contract",
            Self::Label(_) => "label",
        }
    }
}

/// What a library error is called on the bus.
fn library_code(error: &LibraryError) -> &'static str {
    match error {
        LibraryError::Absent { .. } => "no-library",
        LibraryError::Unloadable { .. } | LibraryError::Start { .. } => "library-broken",
        LibraryError::Foreign { .. } | LibraryError::Version { .. } => "library-foreign",
    }
}

/// The file that a library error is about, for the problem's subject.
fn library_file(error: &LibraryError) -> String {
    let path = match error {
        LibraryError::Absent { tried } => match tried.as_slice() {
            [only] => only.as_path(),
            _ => Path::new(FILE_NAME),
        },
        LibraryError::Unloadable { path, .. }
        | LibraryError::Foreign { path, .. }
        | LibraryError::Version { path, .. }
        | LibraryError::Start { path, .. } => path,
    };
    path.display().to_string()
}
