//! Where everything lies, below one root: `/`, or a test's.

use std::path::{Path, PathBuf};

use crate::Verb;

/// The root of all paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places(PathBuf);

impl Places {
    /// The machine's own.
    pub fn system() -> Self {
        Self::below("/")
    }

    /// A root of its own.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// `path`, which begins without a slash, below the root.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// Where requests for `verb` lie; only its group may write there.
    pub fn requests(&self, verb: Verb) -> PathBuf {
        self.at("run/vigla/act").join(verb.name())
    }

    /// The answer to the last request for `verb`; only root may write there, everybody may read.
    pub fn answer(&self, verb: Verb) -> PathBuf {
        self.at("run/vigla/act/answers")
            .join(format!("{}.json", verb.name()))
    }
}
