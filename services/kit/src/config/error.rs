//! What is wrong with a configuration, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    /// The place of byte `offset` of `text`, the content of `path`.
    pub(crate) fn of(path: &Path, text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.split(|&b| b == b'\n').count();
        Self {
            path: path.to_owned(),
            line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` line {}", self.path.display(), self.line)
    }
}

/// Bad configuration: the daemon ends with exit code 78.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A folder of fragments cannot be listed.
    #[error("list settings in `{}`", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A fragment cannot be read.
    #[error("read settings from `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A fragment is not TOML, has an unknown key, or a value out of range.
    #[error("{place}: {message}")]
    Fragment {
        /// File and line.
        place: Place,
        /// What is wrong, with the valid choices.
        message: String,
    },
    /// A value is wrong in the light of others.
    #[error("setting `{key}` in {place}: {message}")]
    Value {
        /// The key, with dots.
        key: String,
        /// File and line.
        place: Place,
        /// What is wrong, with the valid choices.
        message: String,
    },
    /// A value that no file sets is wrong: a default that does not fit here.
    #[error("setting `{key}` (by default): {message}")]
    Default {
        /// The key, with dots.
        key: String,
        /// What is wrong, with the valid choices.
        message: String,
    },
    /// The fragments are sound, but together they are not.
    #[error("settings do not fit together: {0}")]
    Merged(String),
}
