//! The layers of others, at the commits that `yocto-layer/kas/base.yml` pins: out of an archive, or by kas.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{folder, kas};
use crate::say::Step;
use crate::{fetch, places, process};

/// The archive that is taken when nobody names one, beside the repository.
const BESIDE: &str = "../shared/yocto/layers.tar.xz";

/// The layers that BitBake reads, below the folder of all, and ours after them.
pub(crate) const LAYERS: [&str; 8] = [
    "openembedded-core/meta",
    "meta-openembedded/meta-oe",
    "meta-openembedded/meta-python",
    "meta-openembedded/meta-networking",
    "meta-openembedded/meta-filesystems",
    "meta-virtualization",
    "meta-raspberrypi",
    "meta-rauc",
];

/// One repository of `kas/base.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) branch: String,
    pub(crate) commit: String,
}

/// Where they are unpacked, once for each state of them.
pub(crate) fn layers(archive: Option<&Path>) -> anyhow::Result<PathBuf> {
    let step = Step::start("layers");
    let beside = places::repository().join(BESIDE);
    let archive = archive.or_else(|| beside.exists().then_some(beside.as_path()));
    let pins = pins()?;
    let name = match archive {
        Some(archive) => fetch::hash(archive)?,
        None => pins.iter().map(|pin| &pin.commit[..4]).collect(),
    };
    let target = cache()?.join(format!("layers-{}", &name[..12]));
    if target.exists() {
        step.end("those of others, cached");
        return Ok(target);
    }
    let partial = target.with_extension(format!("partial-{}", std::process::id()));
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial)?;
    let done = match archive {
        Some(archive) => unpack(archive, &partial),
        None => kas::fetch(&partial),
    };
    if let Err(error) = done {
        let _ = fs::remove_dir_all(&partial);
        return Err(error);
    }
    fs::rename(&partial, &target)?;
    step.end(target.display());
    Ok(target)
}

/// What this verb keeps.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let cache = places::cache()?.join("layer");
    fs::create_dir_all(&cache).with_context(|| format!("make `{}`", cache.display()))?;
    Ok(cache)
}

fn unpack(archive: &Path, target: &Path) -> anyhow::Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(target);
    process::must("unpack the layers", &mut tar)
}

/// A program of the Python package index, at the version and hashes of `ci/pins/NAME.txt`: from the cache or by pip.
pub(crate) fn python(name: &str) -> anyhow::Result<PathBuf> {
    let pins = places::repository().join(format!("ci/pins/{name}.txt"));
    let target = cache()?.join(format!("{name}-{}", &fetch::hash(&pins)?[..12]));
    if target.exists() {
        return Ok(target);
    }
    let partial = target.with_extension(format!("partial-{}", std::process::id()));
    let _ = fs::remove_dir_all(&partial);
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ]);
    pip.args(["--only-binary=:all:", "--disable-pip-version-check"]);
    pip.args(["--root-user-action", "ignore", "--target"]);
    pip.arg(&partial).arg("--requirement").arg(&pins);
    process::must(&format!("install {name}"), &mut pip)?;
    fs::rename(&partial, &target)?;
    Ok(target)
}

/// The pins of the kas file.
pub(crate) fn pins() -> anyhow::Result<Vec<Pin>> {
    let path = folder().join("kas/base.yml");
    let text = fs::read_to_string(&path).with_context(|| format!("read `{}`", path.display()))?;
    let pins = parse(&text);
    anyhow::ensure!(!pins.is_empty(), "`{}` pins nothing", path.display());
    Ok(pins)
}

/// Of kas' YAML only what we write: a repository's name, then its `url` and its `commit`.
fn parse(text: &str) -> Vec<Pin> {
    let mut pins = Vec::new();
    let (mut name, mut url, mut branch) = (String::new(), String::new(), String::new());
    for line in text.lines() {
        let (key, value) = line.trim().split_once(':').unwrap_or_default();
        match key {
            "url" => value.trim().clone_into(&mut url),
            "branch" => value.trim().trim_matches('"').clone_into(&mut branch),
            "commit" => pins.push(Pin {
                name: name.clone(),
                url: url.clone(),
                branch: branch.clone(),
                commit: value.trim().trim_matches('"').to_owned(),
            }),
            _ if line.starts_with("  ") && !line.starts_with("   ") && value.is_empty() => {
                key.clone_into(&mut name);
            }
            _ => {}
        }
    }
    pins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repository_is_pinned_by_a_whole_commit() {
        let pins = pins().unwrap();
        for layer in LAYERS {
            let name = layer.split('/').next().unwrap_or_default();
            assert!(pins.iter().any(|pin| pin.name == name), "{layer}: {pins:?}");
        }
        for pin in pins {
            assert!(pin.url.starts_with("https://"), "{pin:?}");
            assert!(pin.commit.len() == 40 && !pin.branch.is_empty(), "{pin:?}");
        }
    }
}
