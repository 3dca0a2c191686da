//! Debian's archive for another machine: apt in a folder of its own resolves, downloads, verifies.
//!
//! Nothing of the host's package state is read or written. A pinned version that has left the
//! mirror is looked for in the snapshot archive, then the suite's current one is taken, said aloud
//! and marked in the manifest.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::lock::{Pin, Wanted};
use crate::{fetch, places, process, say};

/// The architecture of the image.
pub(crate) const ARCHITECTURE: &str = "arm64";
/// The release of Debian that the twin is made of.
pub(crate) const SUITE: &str = "trixie";

/// One architecture of the archive, with its lists and packages in the user's cache.
#[derive(Debug)]
pub(crate) struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Makes the folder; asks nobody yet.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let folder = places::cache()?.join("image/archive");
        for part in ["lists/partial", "cache/archives/partial", "debs", "sources"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).with_context(|| format!("make `{}`", part.display()))?;
        }
        let sources = places::repository().join("image/twin/debian.sources");
        fs::copy(&sources, folder.join("sources/debian.sources"))
            .with_context(|| format!("copy `{}`", sources.display()))?;
        super::put(folder.join("status"), "")?;
        Ok(Self { folder })
    }

    fn apt(&self, program: &str) -> Command {
        let mut apt = Command::new(program);
        let own = |name: &str| self.folder.join(name).into_os_string();
        let options: [(&str, OsString); 9] = [
            ("APT::Architecture", ARCHITECTURE.into()),
            ("APT::Architectures::", ARCHITECTURE.into()),
            ("Dir::Etc::sourcelist", "/dev/null".into()),
            ("Dir::Etc::sourceparts", own("sources")),
            ("Dir::State::lists", own("lists")),
            ("Dir::State::status", own("status")),
            ("Dir::Cache", own("cache")),
            ("APT::Install-Recommends", "false".into()),
            ("Acquire::Languages", "none".into()),
        ];
        // As root apt would drop to a user that cannot write into our cache, and warn.
        apt.args(["-o", "APT::Sandbox::User="]);
        for (key, value) in options {
            let mut option = OsString::from(format!("{key}="));
            option.push(value);
            apt.arg("-o").arg(option);
        }
        apt
    }

    /// Fetches the archive's lists.
    pub(crate) fn refresh(&self) -> anyhow::Result<()> {
        process::output(self.apt("apt-get").args(["--quiet", "update"])).map(drop)
    }

    /// The packages of a list with everything they depend on, sorted by name.
    pub(crate) fn resolve(&self, wanted: &Wanted) -> anyhow::Result<Vec<Pin>> {
        let mut apt = self.apt("apt-get");
        apt.args(["--quiet", "--simulate", "install"])
            .args(&wanted.names);
        let names = installed(&process::output(&mut apt)?);
        let names = names
            .into_iter()
            .filter(|name| !wanted.without.contains(name))
            .collect::<Vec<_>>();
        self.pins(&names)
    }

    /// The packages of a list alone; of one that is only a pointer, what it points at.
    pub(crate) fn exactly(&self, wanted: &Wanted) -> anyhow::Result<Vec<Pin>> {
        let mut names = Vec::new();
        for name in &wanted.names {
            let text = process::output(self.apt("apt-cache").args(["show", name]))?;
            let about = stanzas(&text).into_iter().next().unwrap_or_default();
            // `linux-image-arm64` depends on one package of one version and has no file.
            let exact = about.get("Depends").and_then(|depends| {
                let (name, _) = depends.split_once(" (= ")?;
                (name.starts_with("linux-image-") && !depends.contains(',')).then_some(name)
            });
            names.push(exact.unwrap_or(name).to_owned());
        }
        self.pins(&names)
    }

    fn pins(&self, names: &[String]) -> anyhow::Result<Vec<Pin>> {
        let mut apt = self.apt("apt-cache");
        apt.args(["--no-all-versions", "show"]).args(names);
        let text = process::output(&mut apt)?;
        let mut pins = stanzas(&text)
            .iter()
            .map(pin)
            .collect::<anyhow::Result<Vec<_>>>()?;
        pins.sort();
        pins.dedup();
        Ok(pins)
    }

    /// The files of `pins`, in their order, and the pins that had to be replaced by newer ones.
    pub(crate) fn fetch(&self, pins: &[Pin]) -> anyhow::Result<(Vec<PathBuf>, Vec<Pin>)> {
        let mut replaced = Vec::new();
        let missing: Vec<_> = pins.iter().filter(|pin| !self.holds(pin)).collect();
        if !missing.is_empty() {
            self.refresh()?;
            let names = missing
                .iter()
                .map(|pin| format!("{}={}", pin.name, pin.version));
            if self.download(names).is_err() {
                for pin in &missing {
                    if let Some(newer) = self.one(pin)? {
                        replaced.push(newer);
                    }
                }
            }
        }
        let files = pins
            .iter()
            .map(|pin| {
                let now = replaced.iter().find(|newer| newer.name == pin.name);
                let pin = now.unwrap_or(pin);
                let held = self.holds(pin);
                anyhow::ensure!(
                    held,
                    "`{} {}` did not come as pinned",
                    pin.name,
                    pin.version
                );
                Ok(self.file(pin))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok((files, replaced))
    }

    /// One package as pinned, or else the suite's current one.
    fn one(&self, pin: &Pin) -> anyhow::Result<Option<Pin>> {
        let exact = format!("{}={}", pin.name, pin.version);
        if self.download([exact].into_iter()).is_ok() {
            return Ok(None);
        }
        let current = self.pins(std::slice::from_ref(&pin.name))?;
        let current = current
            .into_iter()
            .next()
            .with_context(|| format!("the archive has no `{}` any more", pin.name))?;
        missed(pin, &current);
        self.download([pin.name.clone()].into_iter())?;
        Ok(Some(current))
    }

    fn download(&self, names: impl Iterator<Item = String>) -> anyhow::Result<()> {
        let mut apt = self.apt("apt-get");
        apt.args(["--quiet", "download"])
            .args(names)
            .current_dir(self.folder.join("debs"));
        process::output(&mut apt).map(drop)
    }

    /// What the suite's source package `name` is made of before Debian changes it: its upstream archive.
    pub(crate) fn source(&self, name: &str) -> anyhow::Result<Pin> {
        let mut apt = self.apt("apt-get");
        apt.args(["--quiet", "source", "--print-uris", name]);
        let text = process::output(&mut apt)?;
        upstream(name, &text)
            .with_context(|| format!("the archive has no source of `{name}`: {text}"))
    }

    /// The upstream archive of a source package, and the pin it has now where the pinned version has gone: Debian's
    /// archive keeps a source only as long as the suite has it.
    pub(crate) fn fetch_source(&self, pin: &Pin) -> anyhow::Result<(PathBuf, Option<Pin>)> {
        let file = self.source_file(pin);
        if whole(&file, pin) {
            return Ok((file, None));
        }
        self.refresh()?;
        self.download_source(&pin.name)?;
        if whole(&file, pin) {
            return Ok((file, None));
        }
        let current = self.source(&pin.name)?;
        let file = self.source_file(&current);
        let (name, version) = (&pin.name, &current.version);
        anyhow::ensure!(
            whole(&file, &current),
            "the source of `{name} {version}` did not come as the archive describes it"
        );
        missed(pin, &current);
        Ok((file, Some(current)))
    }

    fn download_source(&self, name: &str) -> anyhow::Result<()> {
        let mut apt = self.apt("apt-get");
        apt.args(["--quiet", "source", "--download-only", name])
            .current_dir(self.folder.join("debs"));
        process::output(&mut apt).map(drop)
    }

    pub(crate) fn file(&self, pin: &Pin) -> PathBuf {
        let version = pin.version.replace(':', "%3a");
        let architecture = ["all", ARCHITECTURE].map(|architecture| {
            let name = format!("{}_{version}_{architecture}.deb", pin.name);
            self.folder.join("debs").join(name)
        });
        let [all, ours] = architecture;
        if all.exists() { all } else { ours }
    }

    fn source_file(&self, pin: &Pin) -> PathBuf {
        self.folder.join("debs").join(upstream_file(pin))
    }

    /// Whether the package is here, whole.
    fn holds(&self, pin: &Pin) -> bool {
        whole(&self.file(pin), pin)
    }
}

/// Whether a file is there, and what was pinned.
fn whole(path: &Path, pin: &Pin) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.len() == pin.size)
        && fetch::hash(path).is_ok_and(|sum| sum == pin.sha256)
}

fn missed(pin: &Pin, current: &Pin) {
    say::trouble(format_args!(
        "  packages   pin missed: {} {} -> {}",
        pin.name, pin.version, current.version
    ));
}

/// A version without Debian's epoch and revision.
pub(crate) fn upstream_version(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version
        .rsplit_once('-')
        .map_or(version, |(upstream, _)| upstream)
}

/// What the upstream archive of a source package is called.
fn upstream_file(pin: &Pin) -> String {
    format!(
        "{}_{}.orig.tar.xz",
        pin.name,
        upstream_version(&pin.version)
    )
}

/// Among lines of `'address' file size SHA256:sum`, which apt prints of a source package: its upstream archive, under
/// the version that its description has, which in a file's name is without the epoch.
fn upstream(name: &str, text: &str) -> Option<Pin> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.strip_prefix('\'')?.split_whitespace().skip(1);
        let (file, size) = (words.next()?, words.next()?.parse().ok()?);
        Some((file, size, words.next()?.strip_prefix("SHA256:")?))
    });
    let lines: Vec<(&str, u64, &str)> = lines.collect();
    let whole = format!("{name}_");
    let version = lines
        .iter()
        .find_map(|(file, ..)| file.strip_prefix(&whole)?.strip_suffix(".dsc"))?;
    let (_, size, sha256) = lines
        .iter()
        .find(|(file, ..)| file.ends_with(".orig.tar.xz"))?;
    Some(Pin {
        name: name.to_owned(),
        version: version.to_owned(),
        size: *size,
        sha256: (*sha256).to_owned(),
    })
}

/// The names in the lines `Inst <name> (<version> ...)` of a simulated installation.
fn installed(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("Inst "))
        .filter_map(|rest| rest.split_whitespace().next())
        .map(|name| name.split(':').next().unwrap_or(name).to_owned())
        .collect()
}

type Stanza = BTreeMap<String, String>;

/// The one-line fields of each package that `apt-cache show` describes.
fn stanzas(text: &str) -> Vec<Stanza> {
    text.split("\n\n")
        .map(|stanza| {
            stanza
                .lines()
                .filter(|line| !line.starts_with(' '))
                .filter_map(|line| line.split_once(": "))
                .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
                .collect::<Stanza>()
        })
        .filter(|stanza| !stanza.is_empty())
        .collect()
}

fn pin(stanza: &Stanza) -> anyhow::Result<Pin> {
    let field = |key: &str| {
        stanza
            .get(key)
            .cloned()
            .with_context(|| format!("apt describes a package without `{key}`: {stanza:?}"))
    };
    Ok(Pin {
        name: field("Package")?,
        version: field("Version")?,
        size: field("Size")?.parse()?,
        sha256: field("SHA256")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_apt_says() {
        let text = "Inst libc6 (2.41-12 Debian:13/stable [arm64])\nInst zstd:arm64 (1.5 x)\nConf zstd (1.5 x)\n";
        assert_eq!(installed(text), ["libc6", "zstd"]);
        let text = "Package: zstd\nVersion: 1:1.5\nTag: a,\n b\nSize: 7\nSHA256: ab\n\nPackage: x\nSize: y\n";
        let all = stanzas(text);
        let zstd = pin(&all[0]).unwrap();
        assert_eq!((zstd.version.as_str(), zstd.size), ("1:1.5", 7));
        assert!(pin(&all[1]).is_err());
    }
    #[test]
    fn reads_where_a_source_is() {
        let text = "NOTICE: 'x' is maintained in git\n\
            'http://a/ffmpeg_7.1.5-0%2bdeb13u1.dsc' ffmpeg_7.1.5-0+deb13u1.dsc 5950 SHA256:aa\n\
            'http://a/ffmpeg_7.1.5.orig.tar.xz' ffmpeg_7.1.5.orig.tar.xz 11 SHA256:bb\n\
            'http://a/ffmpeg_7.1.5.orig.tar.xz.asc' ffmpeg_7.1.5.orig.tar.xz.asc 5 SHA256:cc\n";
        let pin = upstream("ffmpeg", text).unwrap();
        assert_eq!((pin.size, pin.sha256.as_str()), (11, "bb"));
        assert_eq!(pin.version, "7.1.5-0+deb13u1");
        assert_eq!(upstream_file(&pin), "ffmpeg_7.1.5.orig.tar.xz");
        assert_eq!(upstream_version("7:7.1.5-0+deb13u1"), "7.1.5");
        assert_eq!(upstream("ffmpeg", "nothing"), None);
    }
}
