//! `cargo xtask image diff A B`: what changed between two images, for who has to judge an update.
//! A and B are cards that were built here (`vigla-qemu-arm64-prod.img`; what is compared lies beside them), or folders
//! with any root tree, such as that of a Yocto build, with its list of packages beside it (`FOLDER.manifest`).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::tree::files_below;
use super::{capability, work};
use crate::{fetch, say};

/// Two images.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The older image: a card that was built here, or the folder of any root tree
    a: PathBuf,
    /// The newer one
    b: PathBuf,
}

/// Says what only one of them has; nothing where they are alike.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (old, new) = (facts(&options.a)?, facts(&options.b)?);
    for line in changed(&old, &new) {
        say::line(line);
    }
    Ok(())
}

/// `- fact` for what is gone, `+ fact` for what is new, sorted by fact.
fn changed(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Vec<String> {
    old.symmetric_difference(new)
        .map(|fact| format!("{} {fact}", if new.contains(fact) { '+' } else { '-' }))
        .collect()
}

fn facts(image: &Path) -> anyhow::Result<BTreeSet<String>> {
    let card = !image.is_dir();
    let root = if card {
        work(image).join("root")
    } else {
        image.to_owned()
    };
    anyhow::ensure!(
        root.is_dir(),
        "there is no `{}`: build the image here, its tree is kept beside the card; or name the folder of a root tree",
        root.display()
    );
    let mut facts: BTreeSet<_> = tree(&root)?.into_iter().collect();
    let manifest = image.with_extension("manifest");
    if card || manifest.exists() {
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("read `{}`", manifest.display()))?;
        let packages = text.lines().filter(|line| !line.starts_with('#'));
        facts.extend(packages.map(|line| format!("package {line}")));
    } else {
        say::trouble(format_args!(
            "packages of `{}` are not known: there is no `{}`",
            image.display(),
            manifest.display()
        ));
    }
    Ok(facts)
}

/// Files with a part of their hash, links, rights given, ports, units that start, what units may.
fn tree(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut facts = links(root)?;
    for path in files_below(root)? {
        let name = path.strip_prefix(root)?.display().to_string();
        let mode = fs::metadata(&path)?.permissions().mode() & 0o7777;
        facts.push(format!(
            "file /{name} {mode:04o} {}",
            &fetch::hash(&path)?[..12]
        ));
        if mode & 0o6000 != 0 {
            facts.push(format!("setuid /{name}"));
        }
        if let Some(set) = capability(&path)? {
            facts.push(format!("capability /{name} {set}"));
        }
        if name.starts_with("usr/lib/systemd/system/") {
            let unit = name.rsplit('/').next().unwrap_or_default();
            let text = fs::read_to_string(&path).unwrap_or_default();
            let of = |words: &'static [&str]| {
                text.lines()
                    .filter(move |line| words.iter().any(|word| line.starts_with(word)))
            };
            let rights = of(&["CapabilityBoundingSet=", "AmbientCapabilities="]);
            facts.extend(rights.map(|line| format!("capability {unit} {line}")));
            let listens = of(&["ListenStream=", "ListenDatagram="]);
            facts.extend(listens.map(|line| format!("port {unit} {line}")));
        }
    }
    let firewall = fs::read_to_string(root.join("etc/nftables.conf")).unwrap_or_default();
    let ports = firewall.lines().filter_map(|line| line.strip_prefix("# "));
    let ports = ports.filter(|line| line.starts_with(|digit: char| digit.is_ascii_digit()));
    facts.extend(ports.map(|line| format!("port {line}")));
    facts.extend(starts(&root.join("etc/systemd/system")));
    Ok(facts)
}

/// Links and where they lead; those that start a unit are told as such.
fn links(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut facts = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(root)?.to_owned();
            if path.is_symlink() && !name.starts_with("etc/systemd/system") {
                facts.push(link(&name, &fs::read_link(&path)?));
            } else if path.is_dir() && !path.is_symlink() {
                open.push(path);
            }
        }
    }
    Ok(facts)
}

fn link(name: &Path, target: &Path) -> String {
    let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let folder = name.parent().unwrap_or(Path::new(""));
    if ["wants", "requires"]
        .iter()
        .any(|kind| folder.extension() == Some(OsStr::new(kind)))
    {
        let (unit, target) = (text(name.file_name()), text(folder.file_name()));
        return format!("unit {unit} started by {target}");
    }
    format!("link /{} -> {}", name.display(), target.display())
}

/// Units that presets have linked below a target, and those that are masked.
fn starts(folder: &Path) -> Vec<String> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut facts = Vec::new();
    for entry in entries(folder) {
        let (path, name) = (
            entry.path(),
            entry.file_name().to_string_lossy().into_owned(),
        );
        if fs::read_link(&path).is_ok_and(|target| target == Path::new("/dev/null")) {
            facts.push(format!("masked {name}"));
        } else if path.is_dir() && !path.is_symlink() {
            let units = entries(&path).map(|unit| unit.file_name().to_string_lossy().into_owned());
            facts.extend(units.map(|unit| format!("unit {unit} started by {name}")));
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::put;
    use super::*;

    fn image(folder: &Path, name: &str, version: &str) -> PathBuf {
        let card = folder.join(name).with_extension("img");
        let root = work(&card).join("root");
        fs::create_dir_all(root.join("usr/lib/systemd/system")).unwrap();
        fs::create_dir_all(root.join("etc/systemd/system/x.target.wants")).unwrap();
        put(
            card.with_extension("manifest"),
            format!("# note\nrauc {version}\n"),
        )
        .unwrap();
        card
    }

    #[test]
    fn what_changed_is_told_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let old = image(folder.path(), "old", "1.13");
        let new = image(folder.path(), "new", "1.14");
        assert_eq!(
            changed(&facts(&old).unwrap(), &facts(&new).unwrap()),
            ["- package rauc 1.13", "+ package rauc 1.14"]
        );
        let root = work(&new).join("root");
        let at = |path: &str| root.join(path);
        put(
            at("usr/lib/systemd/system/a.service"),
            "CapabilityBoundingSet=CAP_NET_ADMIN\n",
        )
        .unwrap();
        put(at("etc/nftables.conf"), "# Made\n# 22/tcp: a shell\n").unwrap();
        put(at("usr/lib/systemd/system/a.socket"), "ListenStream=99\n").unwrap();
        symlink("/tmp", at("usr/bin")).unwrap();
        fs::create_dir_all(at("usr/lib/systemd/system/y.target.wants")).unwrap();
        symlink(
            "../c.service",
            at("usr/lib/systemd/system/y.target.wants/c.service"),
        )
        .unwrap();
        put(at("su"), "x").unwrap();
        fs::set_permissions(at("su"), fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("/dev/null", at("etc/systemd/system/b.service")).unwrap();
        symlink("/x", at("etc/systemd/system/x.target.wants/a.service")).unwrap();
        let told = changed(&facts(&old).unwrap(), &facts(&new).unwrap()).join("\n");
        for wanted in [
            "+ capability a.service CapabilityBoundingSet=CAP_NET_ADMIN",
            "+ port 22/tcp: a shell",
            "+ port a.socket ListenStream=99",
            "+ link /usr/bin -> /tmp",
            "+ unit c.service started by y.target.wants",
            "+ setuid /su",
            "+ masked b.service",
            "+ unit a.service started by x.target.wants",
        ] {
            assert!(told.contains(wanted), "{wanted} in\n{told}");
        }
    }

    #[test]
    fn any_root_tree_is_compared_with_its_packages_where_they_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            fs::create_dir_all(at(name).join("etc")).unwrap();
        }
        put(at("b/etc/x"), "x").unwrap();
        put(at("b.manifest"), "rauc cortexa72 1.15\n").unwrap();
        let told = changed(&facts(&at("a")).unwrap(), &facts(&at("b")).unwrap());
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("+ file /etc/x 0"), "{told:?}");
        assert_eq!(told[1], "+ package rauc cortexa72 1.15");
        assert!(
            facts(&at("c.img"))
                .unwrap_err()
                .to_string()
                .contains("build the image")
        );
    }
}
