//! Where things are: the repository, cargo, and the user's cache.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The root of the repository that this xtask was built from.
pub(crate) fn repository() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest)
}

/// The cargo that started us.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Cargo's target folder: the one that holds this xtask, wherever the settings put it.
pub(crate) fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let holding = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    holding.map_or_else(|| repository().join("target"), Path::to_owned)
}

/// A program of the workspace, beside us.
pub(crate) fn beside(name: &str) -> PathBuf {
    env::current_exe().unwrap_or_default().with_file_name(name)
}

/// `$CARGO_HOME` or `~/.cargo`: where cargo keeps what it downloaded.
pub(crate) fn cargo_home() -> anyhow::Result<PathBuf> {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .context("no folder of cargo: neither `CARGO_HOME` nor `HOME` is set")
}

/// `$XDG_CACHE_HOME/vigla` or `~/.cache/vigla`: what is downloaded once for all clones.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .context("no cache folder: neither `HOME` nor `XDG_CACHE_HOME` is set")?;
    Ok(base.join("vigla"))
}

/// Finds a program the way a shell does, and also where Debian keeps those of the administrator.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
