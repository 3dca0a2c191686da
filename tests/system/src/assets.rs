//! What is too large or not ours to commit: `cargo xtask test` puts it into the user's cache folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

/// The street clip: 10 s, 640x272, cars, cyclists and pedestrians.
pub fn clip() -> anyhow::Result<PathBuf> {
    cached("clip/bikes.mp4")
}

/// The street clip as a stream of 720p JPEGs, made by ffmpeg beside it the first time.
pub fn jpegs() -> anyhow::Result<PathBuf> {
    let clip = clip()?;
    let made = clip.with_file_name("bikes-720p.mjpeg");
    if !made.exists() {
        let partial = clip.with_file_name("bikes-720p.partial.mjpeg");
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-i"])
            .arg(&clip)
            .args(["-vf", "scale=1280:720", "-q:v", "4", "-f", "mjpeg"])
            .arg(&partial)
            .status()
            .context("install the package `ffmpeg`")?;
        anyhow::ensure!(status.success(), "ffmpeg cannot read `{}`", clip.display());
        std::fs::rename(&partial, &made)?;
    }
    Ok(made)
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
