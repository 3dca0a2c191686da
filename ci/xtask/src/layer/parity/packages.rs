//! The packages of others: what the twin takes of Debian by name, the Yocto image has by another name, or for a reason
//! not at all.

use std::collections::BTreeSet;
use std::fs;

use crate::layer::text::{self, Kind};
use crate::places;

const LIST: &str = "image/twin/packages.txt";
const GROUP: &str = "recipes-core/packagegroups/packagegroup-vigla.bb";
/// What every image has, by `packagegroup-core-boot` and the classes of images.
const BASE: &[&str] = &[
    "base-files",
    "base-passwd",
    "busybox",
    "dbus",
    "kmod",
    "netbase",
    "systemd",
    "udev",
];

/// A package of Debian, and those that have the same in the Yocto image.
const SAME: &[(&str, &[&str])] = &[
    ("base-files", &["base-files"]),
    ("base-passwd", &["base-passwd"]),
    ("bash", &["busybox"]),
    ("ca-certificates", &["ca-certificates"]),
    ("coreutils", &["busybox"]),
    ("dash", &["busybox"]),
    ("dbus", &["dbus"]),
    ("debianutils", &["busybox"]),
    ("dosfstools", &["dosfstools"]),
    ("e2fsprogs", &["e2fsprogs-e2fsck", "e2fsprogs-mke2fs"]),
    ("findutils", &["busybox"]),
    ("grep", &["busybox"]),
    ("gzip", &["busybox"]),
    ("hostname", &["busybox"]),
    ("iproute2", &["iproute2"]),
    ("kmod", &["kmod"]),
    ("libubootenv-tool", &["u-boot-fw-utils"]),
    ("mawk", &["busybox"]),
    ("mosquitto", &["mosquitto"]),
    ("mount", &["util-linux-mount", "util-linux-umount"]),
    ("netbase", &["netbase"]),
    ("nftables", &["nftables"]),
    (
        "openssh-server",
        &["openssh-keygen", "openssh-sftp-server", "openssh-sshd"],
    ),
    ("procps", &["busybox"]),
    ("rauc", &["rauc"]),
    ("rauc-service", &["rauc-service"]),
    ("sed", &["busybox"]),
    ("systemd", &["systemd"]),
    ("systemd-repart", &["systemd"]),
    ("systemd-resolved", &["systemd"]),
    ("systemd-sysv", &["systemd"]),
    ("systemd-timesyncd", &["systemd"]),
    ("tar", &["busybox"]),
    ("tzdata", &["tzdata"]),
    ("udev", &["udev"]),
    ("wireless-regdb", &["wireless-regdb-static"]),
    ("wpasupplicant", &["wpa-supplicant"]),
    ("zstd", &["zstd"]),
];

/// Only in the twin, and why.
const ONLY_TWIN: &[(&str, &str)] = &[
    (
        "fdisk",
        "systemd-repart links its library, which Yocto packages by itself",
    ),
    ("libc-bin", "for whoever installs libraries on the device"),
    (
        "libpam-modules",
        "no feature `pam`: sshd does not ask it, nobody else logs in",
    ),
    ("libpam-runtime", "no feature `pam`"),
    ("libpam-systemd", "no feature `pam`"),
    (
        "libturbojpeg0",
        "the library that our programs link is found when they are packaged",
    ),
    ("login", "nobody logs in at a console"),
    ("ncurses-base", "busybox has no screens"),
    ("passwd", "nobody changes users on a slot that is read only"),
    ("util-linux", "of it only mount is used"),
];

/// Only in the Yocto image, and why.
const ONLY_YOCTO: &[(&str, &str)] = &[
    (
        "ffmpeg",
        "the twin's is compiled of Debian's source (image/twin/ffmpeg.txt)",
    ),
    ("k3s-agent", "the twin is given K3s (`--k3s`)"),
    ("kernel-image", "the twin's is in image/twin/kernel.txt"),
    ("kernel-modules", "the twin's is in image/twin/kernel.txt"),
    (
        "linux-firmware-rpidistro-bcm43455",
        "the twin's is in image/twin/rpi4.txt",
    ),
    (
        "udev-rules-rpi",
        "names of the Pi's devices; Debian's udev has them",
    ),
    ("vigla-policy", "ours, compared by file"),
    ("vigla-services", "ours, compared by file"),
    ("vigla-tryboot", "Pi 5 only, for which there is no twin"),
];

/// Compares; gives how many packages of Debian have their like.
pub(super) fn check() -> anyhow::Result<usize> {
    let list = fs::read_to_string(places::repository().join(LIST))?;
    let lines = list.lines().map(str::trim);
    let twin = lines
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '!']))
        .map(ToOwned::to_owned);
    let wrong = differences(&twin.collect(), &group()?);
    anyhow::ensure!(
        wrong.is_empty(),
        "the packages of the two images differ:\n  {}\nput it into both, or into a list of ci/xtask/src/layer/parity/packages.rs",
        wrong.join("\n  ")
    );
    Ok(SAME.len())
}

/// What the Yocto image has in its place, in words.
pub(super) fn like(debian: &str) -> Option<String> {
    let same = SAME.iter().find(|(name, _)| *name == debian);
    let alone = ONLY_TWIN.iter().find(|(name, _)| *name == debian);
    same.map(|(_, names)| names.join(", "))
        .or_else(|| alone.map(|(_, why)| format!("not there ({why})")))
}

/// What the packagegroup names, on whatever board.
fn group() -> anyhow::Result<BTreeSet<String>> {
    let names = text::read(GROUP)?
        .into_iter()
        .filter_map(|statement| match statement.kind {
            Kind::Set { name, value, .. } if name.starts_with("RDEPENDS:${PN}") => Some(value),
            _ => None,
        });
    let words: Vec<_> = names.collect();
    let words = words.iter().flat_map(|value| value.split_whitespace());
    Ok(words.map(ToOwned::to_owned).collect())
}

fn differences(twin: &BTreeSet<String>, yocto: &BTreeSet<String>) -> Vec<String> {
    let set = |names: Vec<&str>| {
        names
            .into_iter()
            .map(ToOwned::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let of_twin = SAME.iter().map(|(name, _)| *name);
    let of_twin = set(of_twin
        .chain(ONLY_TWIN.iter().map(|(name, _)| *name))
        .collect());
    let of_group = SAME.iter().flat_map(|(_, names)| names.iter().copied());
    let of_group = of_group.filter(|name| !BASE.contains(name));
    let of_group = set(of_group
        .chain(ONLY_YOCTO.iter().map(|(name, _)| *name))
        .collect());
    let mut wrong = Vec::new();
    for (there, wanted, image) in [(twin, &of_twin, LIST), (yocto, &of_group, GROUP)] {
        let new = there
            .difference(wanted)
            .map(|name| format!("`{name}` of {image} has no like"));
        let gone = wanted
            .difference(there)
            .map(|name| format!("`{name}` is not in {image}"));
        wrong.extend(new.chain(gone));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_images_have_the_same_of_others() {
        assert!(check().unwrap() > 30);
    }

    #[test]
    fn a_package_of_only_one_is_found() {
        let of = |text: &str| {
            text.split(' ')
                .map(ToOwned::to_owned)
                .collect::<BTreeSet<_>>()
        };
        let wrong = differences(&of("telnetd"), &group().unwrap());
        assert!(
            wrong.contains(&format!("`telnetd` of {LIST} has no like")),
            "{wrong:?}"
        );
        assert!(
            wrong.contains(&format!("`nftables` is not in {LIST}")),
            "{wrong:?}"
        );
        let mut group = group().unwrap();
        group.remove("u-boot-fw-utils");
        group.insert("telnetd".to_owned());
        let wrong = differences(&BTreeSet::new(), &group);
        assert!(
            wrong.contains(&format!("`u-boot-fw-utils` is not in {GROUP}")),
            "{wrong:?}"
        );
        assert!(
            wrong.contains(&format!("`telnetd` of {GROUP} has no like")),
            "{wrong:?}"
        );
    }
}
