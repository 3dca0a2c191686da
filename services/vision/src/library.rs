//! ONNX Runtime as a shared library, loaded at run time.
//!
//! The daemon must start, serve and say what is missing when the library is absent, is another
//! version or is not a library at all. `ort` would panic in some of these cases (it loads lazily
//! on first use, and trusts the pointers it gets), so everything it will rely on is checked here
//! first, and no `ort` type is touched before that has succeeded.

use std::ffi::{CStr, OsStr, c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;

/// The version whose answers we know; the last number may differ.
pub const VERSION: &str = "1.27";

/// File name of the library on a device and in the cache.
pub const FILE_NAME: &str = "libonnxruntime.so.1.27.0";

/// Where the library is looked for when no path is configured, in this order. The dynamic
/// linker's own search comes last.
pub const FOLDERS: [&str; 4] = [
    "/usr/lib/vigla",
    "/usr/lib",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
];

static LOADED: OnceLock<Library> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// A loaded ONNX Runtime: the token that an engine needs.
///
/// There is one per process; it is never unloaded.
#[derive(Clone)]
pub struct Library {
    path: PathBuf,
    version: String,
    environment: Environment,
}

/// ONNX Runtime cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// No library at the configured path, or at none of the usual ones.
    #[error("no ONNX Runtime library at {}; install `{FILE_NAME}`", places(tried))]
    Absent {
        /// Where it was looked for.
        tried: Vec<PathBuf>,
    },
    /// The dynamic linker refused the file.
    #[error("`{}` cannot be loaded as a library: {message}", path.display())]
    Unloadable {
        /// The file.
        path: PathBuf,
        /// What the linker said.
        message: String,
    },
    /// A library, but not ONNX Runtime.
    #[error("`{}` is a library but not ONNX Runtime: {message}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is missing.
        message: &'static str,
    },
    /// ONNX Runtime of another version.
    #[error("`{}` is ONNX Runtime {found}; version {VERSION} is needed", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// The library did not start.
    #[error("ONNX Runtime at `{}` did not start: {message}", path.display())]
    Start {
        /// The file.
        path: PathBuf,
        /// What it said.
        message: String,
    },
}

fn places(tried: &[PathBuf]) -> String {
    let texts: Vec<_> = tried
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    texts.join(", ")
}

impl Library {
    /// Loads the library from `path`, or from the usual places. Loading again gives the library
    /// that is already loaded, whatever the path: a process can have only one.
    pub fn load(path: Option<&Path>) -> Result<Self, LibraryError> {
        let usual = || {
            FOLDERS
                .iter()
                .map(|folder| Path::new(folder).join(FILE_NAME))
        };
        match path {
            Some(path) => Self::load_first([path.to_owned()]),
            None => Self::load_first(usual()),
        }
    }

    /// Loads the first of `paths` that exists, under the same rules.
    pub fn load_first(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, LibraryError> {
        // A panic while loading would poison the lock; nothing half-done is kept in that case.
        let _one_at_a_time = LOADING
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(library) = LOADED.get() {
            return Ok(library.clone());
        }
        let tried: Vec<_> = paths.into_iter().collect();
        // One that we may not look at is there, for all we know: the linker says what is wrong with it.
        let there = |path: &&PathBuf| path.try_exists().unwrap_or(true);
        let Some(path) = tried.iter().find(there) else {
            return Err(LibraryError::Absent { tried });
        };
        let library = start(path, examine(path)?)?;
        Ok(LOADED.get_or_init(|| library).clone())
    }

    /// The library that is loaded, if one is.
    pub fn loaded() -> Option<Self> {
        LOADED.get().cloned()
    }

    /// The file it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version (`1.27.0`).
    pub fn version(&self) -> &str {
        &self.version
    }

    /// For a session of one's own, as a benchmark makes one to compare with.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library")
            .field("path", &self.path)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The head of the structure that `OrtGetApiBase` returns.
#[repr(C)]
struct ApiBase {
    get_api: Option<unsafe extern "C" fn(version: u32) -> *const c_void>,
    get_version: Option<unsafe extern "C" fn() -> *const c_char>,
}

/// Opens the file and asks it, without `ort`, for everything that `ort` takes for granted. Gives
/// its version; nothing stays loaded.
#[allow(
    unsafe_code,
    reason = "a library loaded at run time can only be asked through C"
)]
pub fn examine(path: &Path) -> Result<String, LibraryError> {
    let foreign = |message| LibraryError::Foreign {
        path: path.to_owned(),
        message,
    };
    // SAFETY: loading runs the file's initialisers. The path comes from the owner's
    // configuration or a system folder, and is as trusted as our own binary.
    let library = unsafe { libloading::Library::new(path) };
    let library = library.map_err(|error| LibraryError::Unloadable {
        path: path.to_owned(),
        message: std::error::Error::source(&error)
            .unwrap_or(&error)
            .to_string(),
    })?;
    // SAFETY: ONNX Runtime exports this symbol with this signature in all versions; a foreign
    // library that exports the name with another one is not defended against.
    let entry =
        unsafe { library.get::<unsafe extern "C" fn() -> *const ApiBase>(b"OrtGetApiBase") };
    let entry = entry.map_err(|_| foreign("it does not export `OrtGetApiBase`"))?;
    // SAFETY: as above; it takes nothing and returns a static structure or null, and the
    // library stays loaded while `library` is alive.
    let base =
        unsafe { entry().as_ref() }.ok_or_else(|| foreign("`OrtGetApiBase` gave nothing"))?;
    let (Some(get_api), Some(get_version)) = (base.get_api, base.get_version) else {
        return Err(foreign("its API base is empty"));
    };
    // SAFETY: `get_version` is ONNX Runtime's GetVersionString.
    let version = unsafe { get_version() };
    if version.is_null() {
        return Err(foreign("it gave no version"));
    }
    // SAFETY: not null, and a static string that ends with 0.
    let version = unsafe { CStr::from_ptr(version) }
        .to_string_lossy()
        .into_owned();
    if !version.starts_with(&format!("{VERSION}.")) {
        return Err(LibraryError::Version {
            path: path.to_owned(),
            found: version,
        });
    }
    // SAFETY: `get_api` is ONNX Runtime's GetApi; null means it does not serve that version.
    if unsafe { get_api(ort::MINOR_VERSION) }.is_null() {
        return Err(foreign("it does not serve the API version that is needed"));
    }
    Ok(version)
}

fn start(path: &Path, version: String) -> Result<Library, LibraryError> {
    let failed = |message: String| LibraryError::Start {
        path: path.to_owned(),
        message,
    };
    // An absolute path: `ort` looks for relative ones beside the executable.
    let absolute = std::path::absolute(path).map_err(|error| failed(error.to_string()))?;
    let builder = ort::init_from(&absolute).map_err(|error| failed(error.to_string()))?;
    let environment = builder
        .with_name("vigla")
        .with_telemetry(false)
        .with_logger(std::sync::Arc::new(
            |level, _, _, place: &str, message: &str| {
                log(level, place, message);
            },
        ))
        .build()
        .map_err(|error| failed(error.message().to_owned()))?;
    environment.set_log_level(LogLevel::Warning);
    Ok(Library {
        path: absolute,
        version,
        environment,
    })
}

/// What ONNX Runtime says goes to debug: whatever matters comes back as an error as well.
fn log(level: LogLevel, place: &str, message: &str) {
    let file = Path::new(place).file_name().unwrap_or(OsStr::new(place));
    tracing::debug!(?level, place = %file.display(), message, "onnxruntime");
}

#[cfg(test)]
mod tests;
