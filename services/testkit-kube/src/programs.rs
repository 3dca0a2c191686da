//! Where the programs of the control plane are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The version of Kubernetes; `ci/kube/go.mod` names the same.
pub const VERSION: &str = "1.35.2";

/// A folder with `kube-apiserver`, `kube-controller-manager`, `kubectl` and `kine`.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Those that must be there.
    pub const NAMES: [&str; 4] = [
        "kube-apiserver",
        "kube-controller-manager",
        "kubectl",
        "kine",
    ];

    /// Those of the user's cache, or what to do to have them.
    pub fn find() -> anyhow::Result<Self> {
        Self::of(&cache()?.join(VERSION))
    }

    /// Those of a folder.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        let missing = Self::NAMES.iter().find(|name| !folder.join(name).is_file());
        if let Some(name) = missing {
            anyhow::bail!("no Kubernetes {VERSION} (`{name}`): run `cargo xtask kube`");
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The path of one.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// `$XDG_CACHE_HOME/vigla/kube` or `~/.cache/vigla/kube`.
fn cache() -> anyhow::Result<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .context("no cache folder: neither `HOME` nor `XDG_CACHE_HOME` is set")?;
    Ok(base.join("vigla/kube"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = Programs::of(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("kube-apiserver") && error.contains("cargo xtask kube"),
            "{error}"
        );
    }
}
