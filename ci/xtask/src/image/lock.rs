//! What an image is made of, to the byte: `image/twin/lock.toml`, rewritten only by `--update`.
//!
//! Beside the packages themselves it pins nothing: everything else in the image is in this
//! repository, or pinned in `ci/pins` and `Cargo.lock`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::places;

/// One Debian package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    pub(crate) name: String,
    /// Debian's, with epoch and revision.
    pub(crate) version: String,
    /// In bytes, as a package.
    pub(crate) size: u64,
    /// Of the package, lower-case hex.
    pub(crate) sha256: String,
}

/// A tool of the tree that builds images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The whole lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    /// The root's packages.
    pub(crate) root: Vec<Pin>,
    /// Kernel and the shell of the initial RAM disk.
    pub(crate) kernel: Vec<Pin>,
    /// The Pi 4's boot loader and firmware.
    pub(crate) rpi4: Vec<Pin>,
    /// What the services are linked against.
    pub(crate) cross: Vec<Pin>,
    /// Sources that the builder compiles: their upstream archives.
    pub(crate) source: Vec<Pin>,
    /// For this machine: their versions are said when they differ, not enforced.
    pub(crate) tools: Vec<Tool>,
}

const HEAD: &str =
    "# The Debian packages of the twin image, written by `cargo xtask image --update`.\n\n";

fn path() -> PathBuf {
    places::repository().join("image/twin/lock.toml")
}

/// Reads the lock file of this repository.
pub(crate) fn read() -> anyhow::Result<Lock> {
    let path = path();
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "read `{}`; `cargo xtask image --update` writes it",
            path.display()
        )
    })?;
    toml::from_str(&text).with_context(|| format!("in `{}`", path.display()))
}

/// Writes it anew.
pub(crate) fn write(lock: &Lock) -> anyhow::Result<()> {
    let mut text = HEAD.to_owned();
    for (section, pins) in [
        ("root", &lock.root),
        ("kernel", &lock.kernel),
        ("rpi4", &lock.rpi4),
        ("cross", &lock.cross),
        ("source", &lock.source),
    ] {
        for pin in pins {
            let _ = writeln!(text, "[[{section}]]\n{}", toml::to_string(pin)?);
        }
    }
    for tool in &lock.tools {
        let _ = writeln!(text, "[[tools]]\n{}", toml::to_string(tool)?);
    }
    let path = path();
    super::put(&path, text).with_context(|| format!("write `{}`", path.display()))
}

impl Lock {
    /// What goes into an image for `machine`: packages of the root, and those that are unpacked beside it.
    pub(crate) fn of(&self, machine: Machine) -> [Vec<Pin>; 2] {
        let mut beside = self.kernel.clone();
        if machine == Machine::Rpi4 {
            beside.extend(self.rpi4.iter().cloned());
        }
        [self.root.clone(), beside]
    }
}

/// A list of packages: a name per line, `#` begins a comment, `!name` is left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) names: Vec<String>,
    pub(crate) without: Vec<String>,
}

/// Reads `image/twin/<list>.txt`.
pub(crate) fn wanted(list: &str) -> anyhow::Result<Wanted> {
    let path = places::repository().join(format!("image/twin/{list}.txt"));
    let text = fs::read_to_string(&path).with_context(|| format!("read `{}`", path.display()))?;
    Ok(parse(&text))
}

fn parse(text: &str) -> Wanted {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty());
    let mut wanted = Wanted::default();
    for line in lines {
        match line.strip_prefix('!') {
            Some(name) => wanted.without.push(name.to_owned()),
            None => wanted.names.push(line.to_owned()),
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_comments_and_exceptions() {
        let wanted = parse("# head\nbash\n\n!dpkg # why\n  zstd \n");
        assert_eq!(wanted.names, ["bash", "zstd"]);
        assert_eq!(wanted.without, ["dpkg"]);
    }

    #[test]
    fn the_lock_of_this_repository_has_what_its_lists_name() {
        let lock = read().unwrap();
        for (list, pins) in [
            ("packages", &lock.root),
            ("rpi4", &lock.rpi4),
            ("cross", &lock.cross),
        ] {
            for name in wanted(list).unwrap().names {
                assert!(
                    pins.iter().any(|pin| pin.name == name),
                    "`{name}` of `{list}.txt` is not pinned"
                );
            }
        }
        assert_eq!(lock.source.len(), 1);
        let mut whole = [lock.root, lock.kernel, lock.rpi4, lock.cross, lock.source]
            .into_iter()
            .flatten();
        assert!(whole.all(|pin| pin.sha256.len() == 64));
    }
}
