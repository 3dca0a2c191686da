//! What starts by itself, where state lives: facts that follow from files which both images have, and from units
//! that others bring.

use std::fs;

use anyhow::Context as _;

use super::Facts;
use crate::layer::made;
use crate::places;

const UNITS: &str = "/usr/lib/systemd/system/";
const OURS: &str = "/etc/systemd/system/";
const PRESETS: &str = "/usr/lib/systemd/system-preset/00-vigla.preset";
const STATE: &str = "/usr/lib/vigla/state.tab";

/// Who brings a unit that is not ours to the Yocto image: recipe, and a word of one of its variables, which
/// `cargo xtask layer` asks BitBake for.
pub(crate) const FOREIGN: &[(&str, &str, &str, &str)] = &[
    ("dbus.service", "dbus", "PACKAGECONFIG", "systemd"),
    ("dbus.socket", "dbus", "PACKAGECONFIG", "systemd"),
    (
        "mosquitto.service",
        "mosquitto",
        "SYSTEMD_SERVICE:mosquitto",
        "mosquitto.service",
    ),
    (
        "ssh.service",
        "openssh",
        "SYSTEMD_SERVICE:openssh-sshd",
        "ssh.service",
    ),
    (
        "systemd-networkd.service",
        "systemd",
        "PACKAGECONFIG",
        "networkd",
    ),
    (
        "systemd-networkd.socket",
        "systemd",
        "PACKAGECONFIG",
        "networkd",
    ),
    (
        "systemd-pstore.service",
        "systemd",
        "PACKAGECONFIG",
        "pstore",
    ),
    (
        "systemd-resolved.service",
        "systemd",
        "PACKAGECONFIG",
        "resolved",
    ),
    (
        "systemd-timesyncd.service",
        "systemd",
        "PACKAGECONFIG",
        "timesyncd",
    ),
];

/// What follows for an image with these files; `foreign` says whether somebody else brings a unit to it.
pub(super) fn facts(files: &Facts, foreign: impl Fn(&str) -> bool) -> anyhow::Result<Facts> {
    let mut facts = Facts::new();
    for (file, word) in [(STATE, "state"), (PRESETS, "preset")] {
        if files.contains(&format!("file {file}")) {
            let lines = rows(&source(file)?.with_context(|| format!("where is `{file}` from?"))?);
            facts.extend(lines.iter().map(|line| format!("{word} {line}")));
        }
    }
    let units = files.iter().filter_map(|fact| fact.strip_prefix("file "));
    let units = units.filter(|path| path.starts_with(UNITS) || path.starts_with(OURS));
    let mut own = Vec::new();
    for path in units {
        let name = path.rsplit('/').next().unwrap_or_default();
        let installs = source(path)?.is_some_and(|text| text.contains("\n[Install]\n"));
        // A drop-in has the folder of its unit.
        if installs && !path.contains(".d/") {
            own.push(name);
        }
    }
    let presets: Vec<_> = facts
        .iter()
        .filter_map(|fact| fact.strip_prefix("preset enable "))
        .map(ToOwned::to_owned)
        .collect();
    for rule in presets {
        let fits = own.iter().filter(|unit| fits(&rule, unit));
        facts.extend(fits.map(|unit| format!("enabled {unit}")));
        if !rule.contains('*') && foreign(&rule) {
            facts.insert(format!("enabled {rule}"));
        }
    }
    Ok(facts)
}

fn fits(rule: &str, unit: &str) -> bool {
    match rule.split_once('*') {
        Some((start, end)) => unit.starts_with(start) && unit.ends_with(end),
        None => rule == unit,
    }
}

/// Words of each line, but comments.
fn rows(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The text of a file of the device, where it stands in the repository.
fn source(path: &str) -> anyhow::Result<Option<String>> {
    let inside = path.trim_start_matches('/');
    let tree = made::tracked(&["services", "image/root"])?;
    let policy = "yocto-layer/recipes-vigla/policy/files";
    let name = inside.rsplit('/').next().unwrap_or_default();
    let beside = std::path::Path::new(policy).join(name);
    let found = tree
        .into_iter()
        .find(|file| file.ends_with(inside) && !file.to_string_lossy().contains("/tests/"))
        .or_else(|| path.starts_with(OURS).then_some(beside));
    let Some(found) = found else { return Ok(None) };
    let file = places::repository().join(found);
    Ok(Some(
        fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_nobody_brings_does_not_start() {
        let files: Facts = [
            UNITS.to_owned() + "vigla-camera.service",
            PRESETS.to_owned(),
        ]
        .iter()
        .map(|path| format!("file {path}"))
        .collect();
        let with = |foreign: &str| facts(&files, |unit| unit == foreign).unwrap();
        let found = with("nftables.service");
        assert!(found.contains("enabled vigla-camera.service"), "{found:?}");
        assert!(found.contains("enabled nftables.service"), "{found:?}");
        assert!(found.contains("preset disable *"), "{found:?}");
        assert!(!with("mosquitto.service").contains("enabled nftables.service"));
    }
}
