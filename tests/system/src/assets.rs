//! What is too large or not ours to commit: `cargo xtask test` puts it into the user's cache folder.

use std::path::PathBuf;

use anyhow::Context as _;

/// The street clip: 10 s, 640x272, cars, cyclists and pedestrians.
pub fn clip() -> anyhow::Result<PathBuf> {
    cached("clip/bikes.mp4")
}

/// ONNX Runtime.
pub fn library() -> anyhow::Result<PathBuf> {
    cached("onnxruntime-1.27.0/libonnxruntime.so.1.27.0")
}

/// A file of Vigla's cache folder.
#[allow(
    clippy::disallowed_methods,
    reason = "the cache folder of a laptop's user, not a setting"
)]
fn cached(name: &str) -> anyhow::Result<PathBuf> {
    let cache = std::env::var("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|_| std::env::var("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let path = cache
        .context("no HOME: where is the cache folder?")?
        .join("vigla")
        .join(name);
    anyhow::ensure!(
        path.exists(),
        "`{}` is missing: `cargo xtask test` fetches it",
        path.display()
    );
    Ok(path)
}
