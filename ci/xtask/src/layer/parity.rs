//! Two builders, one device: what the twin has of ours, the Yocto image has, and the other way round. What
//! differs stands in a list, with its reason.

use std::collections::BTreeSet;

mod packages;
mod twin;
mod units;
mod yocto;

pub(crate) use units::FOREIGN;

/// Something that a device has, in words: `file /etc/x`, `user a 961`, `masked b.service`.
type Facts = BTreeSet<String>;

/// Only in the twin, and why.
const ONLY_TWIN: &[(&str, &str)] = &[
    (
        "file /etc/rauc/system.conf",
        "RAUC of this release reads /usr/lib/rauc",
    ),
    (
        "file /etc/rauc/keyring.pem",
        "RAUC of this release reads /usr/lib/rauc",
    ),
    (
        "masked e2scrub_reap.service",
        "a unit of Debian's e2fsprogs",
    ),
    ("masked e2scrub_all.timer", "a unit of Debian's e2fsprogs"),
    ("masked dpkg-db-backup.timer", "Yocto's image has no dpkg"),
    ("masked ssh.socket", "the append of openssh ships no socket"),
];

/// Only in the Yocto image, and why.
const ONLY_YOCTO: &[(&str, &str)] = &[
    (
        "file /usr/lib/rauc/system.conf",
        "RAUC of Debian reads /etc/rauc",
    ),
    (
        "file /usr/lib/rauc/keyring.pem",
        "RAUC of Debian reads /etc/rauc",
    ),
    (
        "file /etc/systemd/system/nftables.service",
        "Debian's nftables brings the unit",
    ),
    (
        "file /etc/rancher/k3s/config.yaml.d/10-vigla.yaml",
        "the twin is given K3s' program (`--k3s`) and has no unit of it yet",
    ),
    (
        "file /usr/lib/systemd/system/k3s-agent.service.d/10-vigla.conf",
        "the twin is given K3s' program (`--k3s`) and has no unit of it yet",
    ),
    (
        "file /usr/libexec/vigla/vigla-tryboot",
        "Pi 5 only, for which there is no twin",
    ),
    (
        "file /boot/cmdline.txt",
        "Pi 5 only, for which there is no twin",
    ),
];

/// Compares; gives how many facts both have.
pub(crate) fn check() -> anyhow::Result<usize> {
    let (twin, yocto) = (twin::facts()?, yocto::facts()?);
    let wrong = differences(&twin, &yocto);
    anyhow::ensure!(
        wrong.is_empty(),
        "the two images differ:\n  {}\nput it into both, or into a list of ci/xtask/src/layer/parity.rs with its reason",
        wrong.join("\n  ")
    );
    Ok(twin.intersection(&yocto).count() + packages::check()?)
}

/// What is found when the Yocto image lacks a fact that both have.
pub(crate) fn planted(fact: &str) -> anyhow::Result<String> {
    let (twin, mut yocto) = (twin::facts()?, yocto::facts()?);
    anyhow::ensure!(yocto.remove(fact), "the Yocto image has no `{fact}`");
    Ok(differences(&twin, &yocto).join("\n"))
}

/// What is different in the Yocto image of a file of the device, in sentences.
pub(crate) fn explain(path: &str) -> Vec<String> {
    let fact = format!("file /{path}");
    let list = |list: &[(&str, &str)], image: &str| {
        let found = list.iter().filter(|(one, _)| *one == fact);
        found
            .map(|(_, why)| format!("only in {image}: {why}"))
            .collect::<Vec<_>>()
    };
    let mut lines = list(ONLY_TWIN, "the twin");
    lines.extend(list(ONLY_YOCTO, "the Yocto image"));
    let unit = path.strip_prefix("usr/lib/systemd/system/");
    let brought = FOREIGN.iter().find(|(name, ..)| Some(*name) == unit);
    lines.extend(brought.map(|(_, recipe, ..)| format!("Yocto: the recipe `{recipe}` brings it")));
    lines
}

/// What the Yocto image has in the place of a package of Debian.
pub(crate) fn like(debian: &str) -> Option<String> {
    packages::like(debian)
}

fn differences(twin: &Facts, yocto: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (here, there, allowed, name, other) in [
        (twin, yocto, ONLY_TWIN, "the twin", "the Yocto image"),
        (yocto, twin, ONLY_YOCTO, "the Yocto image", "the twin"),
    ] {
        let excused: BTreeSet<_> = allowed.iter().map(|(fact, _)| (*fact).to_owned()).collect();
        let alone: Facts = here.difference(there).cloned().collect();
        wrong.extend(
            alone
                .difference(&excused)
                .map(|fact| format!("`{fact}` is in {name} and not in {other}")),
        );
        wrong.extend(
            excused
                .difference(&alone)
                .map(|fact| format!("`{fact}` is excused as only in {name}, and is not")),
        );
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_images_have_the_same_of_ours() {
        let count = check().unwrap();
        assert!(count > 250, "{count}");
    }

    #[test]
    fn a_unit_of_only_one_is_found() {
        let unit = "file /usr/lib/systemd/system/vigla-camera.service";
        assert_eq!(
            planted(unit).unwrap(),
            format!("`{unit}` is in the twin and not in the Yocto image")
        );
        let (twin, mut yocto) = (twin::facts().unwrap(), yocto::facts().unwrap());
        yocto.insert("user stranger 999".to_owned());
        let wrong = differences(&twin, &yocto);
        assert_eq!(
            wrong,
            ["`user stranger 999` is in the Yocto image and not in the twin"]
        );
    }
}
