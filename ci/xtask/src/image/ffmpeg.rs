//! The image's `ffmpeg`: compiled from Debian's source with what `image/twin/ffmpeg.txt` names, and kept by a
//! hash of both. Network cameras and video files are read by it; Debian's own brings 116 MB of packages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use super::archive::{Archive, upstream_version};
use super::lock::Pin;
use super::tools::{BUILT, Tools};
use crate::say::Step;
use crate::{fetch, places, process};

/// The source package.
pub(crate) const NAME: &str = "ffmpeg";
/// Where it is in the root.
pub(crate) const PLACE: &str = "usr/bin/ffmpeg";
/// For those who look for vulnerabilities; without its GPL parts.
pub(crate) const LICENCE: &str = "LGPL-2.1-or-later";

/// The options are the arguments; the same folder in every clone, so the same bits.
const COMPILE: &str = "set -e; tar --no-same-owner -xJf source.tar.xz --strip-components=1\n\
    ./configure --enable-cross-compile --arch=aarch64 --target-os=linux --cross-prefix=aarch64-linux-gnu- \
    --pkg-config=pkg-config \"$@\" >configure.txt || { tail -5 configure.txt; exit 1; }\n\
    make -s -j\"$(nproc)\" ffmpeg >make.txt 2>&1 || { tail -20 make.txt; exit 1; }\n\
    aarch64-linux-gnu-strip --strip-all ffmpeg";

/// What was compiled, of which source.
#[derive(Debug)]
pub(crate) struct Made {
    /// The stripped program.
    pub(crate) program: PathBuf,
    /// Its source.
    pub(crate) source: Pin,
    /// The same, where it is not the one of the lock.
    pub(crate) replaced: Option<Pin>,
}

/// Takes it from the cache, or compiles it.
pub(crate) fn make(tools: &Tools, archive: &Archive, sources: &[Pin]) -> anyhow::Result<Made> {
    let step = Step::start(NAME);
    let pin = sources.iter().find(|pin| pin.name == NAME);
    let pin = pin.with_context(|| {
        format!("`image/twin/lock.toml` has no source of `{NAME}`; `cargo xtask image --update` writes it")
    })?;
    let options = options()?;
    let (source, replaced) = archive.fetch_source(pin)?;
    let pin = replaced.as_ref().unwrap_or(pin).clone();
    let name = format!("ffmpeg-{}", digest(&pin, &options, tools));
    let folder = places::cache()?.join("image").join(name);
    let program = folder.join(NAME);
    let made = Made {
        program,
        source: pin,
        replaced,
    };
    if made.program.exists() {
        step.end("cached");
        return Ok(made);
    }
    step.begin("compiling what network cameras need, once");
    compile(tools, &source, &options, &folder)?;
    step.end(upstream_version(&made.source.version));
    Ok(made)
}

/// What it is configured with.
fn options() -> anyhow::Result<Vec<String>> {
    let path = places::repository().join("image/twin/ffmpeg.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("read `{}`", path.display()))?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

fn digest(source: &Pin, options: &[String], tools: &Tools) -> String {
    let mut hash = Sha256::new();
    let tools = tools.name();
    let words = [source.sha256.as_str(), &tools, COMPILE];
    for word in words.into_iter().chain(options.iter().map(String::as_str)) {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    fetch::hex(&hash.finalize())[..12].to_owned()
}

fn compile(tools: &Tools, source: &Path, options: &[String], folder: &Path) -> anyhow::Result<()> {
    let partial = folder.with_extension("partial");
    // Left behind by a run that was killed.
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove `{}`", partial.display()))?;
    }
    fs::create_dir_all(&partial).with_context(|| format!("make `{}`", partial.display()))?;
    fs::copy(source, partial.join("source.tar.xz"))
        .with_context(|| format!("copy `{}`", source.display()))?;
    let mut compile = tools.alike("env", &partial)?;
    compile
        .args(["-C", BUILT, "sh", "-c", COMPILE, NAME])
        .args(options);
    compile.env("PKG_CONFIG_LIBDIR", "/usr/lib/aarch64-linux-gnu/pkgconfig");
    process::must("compile ffmpeg", &mut compile)?;
    fs::create_dir_all(folder).with_context(|| format!("make `{}`", folder.display()))?;
    let program = folder.join(NAME);
    fs::rename(partial.join(NAME), &program)
        .with_context(|| format!("make `{}`", program.display()))?;
    fs::remove_dir_all(&partial).with_context(|| format!("remove `{}`", partial.display()))
}
