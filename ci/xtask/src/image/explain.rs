//! `cargo xtask image --explain FILE`: who put a file into an image, in both builders, and which rule starts a unit.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::archive::Archive;
use super::tree::{MASKED, program};
use super::{Machine, cross, lock};
use crate::{dist, layer, places, process, say};

/// What neither a package nor a tree of ours brings: `tree.rs` makes it.
const MADE: &[(&str, &str)] = &[
    (
        "etc/rauc/system.conf",
        "image/rauc/system.conf, for the board; Yocto: rauc-conf, in /usr/lib/rauc",
    ),
    (
        "etc/rauc/keyring.pem",
        "the authority that signs bundles; Yocto: RAUC_KEYRING_FILE, in /usr/lib/rauc",
    ),
    (
        "etc/fw_env.config",
        "image/boot/fw_env.config; Yocto: vigla-policy",
    ),
    (
        "etc/nftables.conf",
        "made of image/ports.toml; Yocto: vigla-policy",
    ),
    (
        "usr/lib/clock-epoch",
        "made empty, with the time of the commit; Yocto: vigla-policy",
    ),
    (
        "usr/lib/vigla/libonnxruntime.so.1.27.0",
        "ci/pins/onnxruntime-aarch64.txt; Yocto: onnxruntime-bin",
    ),
    (
        "usr/bin/ffmpeg",
        "compiled from Debian's source as image/twin/ffmpeg.txt says; Yocto: ffmpeg",
    ),
    ("boot/initrd", "image/initramfs; Yocto: vigla-initramfs"),
    (
        "usr/bin/k3s",
        "the FILE of `--k3s FILE`; Yocto: recipe k3s, package k3s-agent",
    ),
    (
        "usr/lib/systemd/system/k3s-agent.service",
        "not in the twin; Yocto: recipe k3s, package k3s-agent",
    ),
];

/// Says it, a line for each who has a part in it.
pub(crate) fn explain(file: &str, machine: Machine) -> anyhow::Result<()> {
    let path = file.trim_start_matches('/');
    let mut found = ours(path)?;
    found.extend(packages(path, machine)?);
    found.extend(layer::explain(path));
    anyhow::ensure!(
        !found.is_empty(),
        "nothing puts `/{path}` into the twin, and no recipe of ours into the Yocto image (what others' recipes bring beside units, only a build \
         tells: `oe-pkgdata-util find-path /{path}`); say it as the device has it, such as /usr/lib/systemd/system/vigla-camera.service"
    );
    found.extend(start(path)?);
    for line in found {
        say::line(line);
    }
    Ok(())
}

/// Trees of the repository, programs, and what the builder makes.
fn ours(path: &str) -> anyhow::Result<Vec<String>> {
    let at = |folder: &str| places::repository().join(folder).join(path).is_file();
    let mut found = Vec::new();
    for tree in dist::trees()? {
        let folder = format!("services/{}/dist", tree.noun);
        if at(&folder) {
            found.push(format!(
                "{folder}/{path}; Yocto: package vigla-{}",
                tree.noun
            ));
        }
    }
    if at("image/root") {
        found.push(format!("image/root/{path}; Yocto: vigla-policy, or the append of the recipe that it replaces a file of"));
    }
    if at("image/dev") {
        found.push(format!("image/dev/{path}, in the dev variant only"));
    }
    for name in cross::packages()? {
        let name = if name == "vigla-ctl" {
            "viglactl"
        } else {
            &name
        };
        if program(name) == path {
            found.push(format!(
                "the program `{name}` of the workspace; Yocto: vigla-services"
            ));
        }
    }
    if let Some(model) = path.strip_prefix("usr/share/vigla/models/") {
        found.push(format!(
            "services/detector/models/{model}; Yocto: vigla-models"
        ));
    }
    let made = MADE.iter().filter(|(made, _)| *made == path);
    found.extend(made.map(|(_, from)| (*from).to_owned()));
    Ok(found)
}

/// Debian packages of the lock with this file, as far as they are in the cache.
fn packages(path: &str, machine: Machine) -> anyhow::Result<Vec<String>> {
    let archive = Archive::open()?;
    let mut found = Vec::new();
    for pin in lock::read()?.of(machine).concat() {
        let file = archive.file(&pin);
        if !file.exists() {
            continue;
        }
        let has = contents(&file)?.lines().any(|line| {
            let name = line.split_whitespace().nth(5).unwrap_or_default();
            name.trim_start_matches("./") == path
        });
        if has {
            let like = layer::like(&pin.name);
            let like = like.map(|like| format!("; Yocto: {like}"));
            found.push(format!(
                "Debian's {} {}, in the twin{}",
                pin.name,
                pin.version,
                like.unwrap_or_default()
            ));
        }
    }
    Ok(found)
}

/// What is in a package of Debian; kept, since the packages of an image are 100 MB to unpack.
fn contents(package: &Path) -> anyhow::Result<String> {
    let name = package.file_name().context("a package's name")?;
    let kept = super::folder().join("contents").join(name);
    if let Ok(text) = fs::read_to_string(&kept) {
        return Ok(text);
    }
    let mut list = Command::new("dpkg-deb");
    let text = process::output(list.arg("--contents").arg(package))?;
    fs::create_dir_all(kept.parent().context("a file in a folder")?)?;
    let partial = kept.with_extension(format!("partial-{}", std::process::id()));
    super::put(&partial, &text)?;
    fs::rename(&partial, &kept)?;
    Ok(text)
}

/// Which rule of the presets starts a unit, where the file is one.
fn start(path: &str) -> anyhow::Result<Option<String>> {
    let Some(unit) = path.strip_prefix("usr/lib/systemd/system/") else {
        return Ok(None);
    };
    if MASKED.contains(&unit) {
        return Ok(Some(format!(
            "`{unit}` is masked (ci/xtask/src/image/tree.rs)"
        )));
    }
    let name = "image/root/usr/lib/systemd/system-preset/00-vigla.preset";
    let text = fs::read_to_string(places::repository().join(name)).context("read the presets")?;
    Ok(
        rule(&text, unit)
            .map(|rule| format!("`{rule}` in {name}, where the unit has an [Install]")),
    )
}

/// The first rule that fits.
fn rule<'a>(presets: &'a str, unit: &str) -> Option<&'a str> {
    presets.lines().find(|line| {
        let Some((verb, pattern)) = line.split_once(' ') else {
            return false;
        };
        let fits = match pattern.split_once('*') {
            Some((start, end)) => unit.starts_with(start) && unit.ends_with(end),
            None => unit == pattern,
        };
        (verb == "enable" || verb == "disable") && fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_started_by_the_first_rule_that_fits() {
        let presets =
            "# enable no.service\nenable vigla-*.service\nenable ssh.service\ndisable *\n";
        assert_eq!(
            rule(presets, "vigla-camera.service"),
            Some("enable vigla-*.service")
        );
        assert_eq!(rule(presets, "ssh.service"), Some("enable ssh.service"));
        assert_eq!(rule(presets, "no.service"), Some("disable *"));
    }

    #[test]
    fn what_only_one_image_has_is_said_with_its_reason() {
        let said = layer::explain("etc/systemd/system/nftables.service");
        assert_eq!(
            said,
            ["only in the Yocto image: Debian's nftables brings the unit"]
        );
        let said = layer::explain("usr/lib/systemd/system/mosquitto.service");
        assert_eq!(said, ["Yocto: the recipe `mosquitto` brings it"]);
        assert_eq!(layer::like("bash").unwrap(), "busybox");
        assert!(layer::like("login").unwrap().starts_with("not there"));
    }

    #[test]
    fn our_files_are_found_where_they_stand() {
        let found = ours("usr/lib/systemd/system/vigla-camera.service").unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("services/camera/dist/"), "{found:?}");
        assert!(ours("usr/bin/viglactl").unwrap()[0].contains("`viglactl`"));
        assert!(ours("etc/nftables.conf").unwrap()[0].contains("ports.toml"));
        assert!(ours("usr/bin/k3s").unwrap()[0].ends_with("package k3s-agent"));
        assert_eq!(ours("usr/bin/bash").unwrap(), Vec::<String>::new());
    }
}
