//! `/proc/self/mountinfo`, and the space of each file system.
//!
//! systemd gives us a mount namespace of our own in which nearly everything is read-only and some folders are
//! mounted onto themselves. `mountinfo` tells both apart from the truth: what shows a folder other than
//! the top of a file system is left out, and *read-only* is taken from the file system, not from the mount.

use super::page::{Kind, Page};
use super::probe::{Probe, Space};

/// Kinds of file systems that hold nobody's data.
const UNREAL: [&str; 25] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
    "efivarfs",
];
/// Kinds whose server may be away, and then asking for the space never returns.
const REMOTE: [&str; 7] = ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs"];
/// Folders below which nothing is shown.
const HIDDEN: [&str; 7] = [
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/mnt",
    "/media",
    "/var/lib/docker",
];

/// A file system that holds data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `/dev/mmcblk0p2`.
    pub device: String,
    /// `ext4`.
    pub kind: String,
    /// Where it is.
    pub point: String,
    /// `179:2`.
    pub number: String,
    /// Whether nothing can be written to it, by anybody.
    pub readonly: bool,
}

/// The file systems of `mountinfo` that hold data; of several at one place the last, which hides the others.
#[must_use]
pub fn mounts(text: &str) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in text.lines().filter_map(mount) {
        mounts.retain(|other| other.point != mount.point);
        mounts.push(mount);
    }
    mounts
}

/// `27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard`.
fn mount(line: &str) -> Option<Mount> {
    let (head, tail) = line.split_once(" - ")?;
    let mut head = head.split(' ').skip(2);
    let (number, top, point) = (head.next()?, head.next()?, plain(head.next()?));
    let mut tail = tail.split(' ');
    let (kind, device, options) = (tail.next()?, plain(tail.next()?), tail.next()?);
    let hidden = HIDDEN.iter().any(|folder| {
        point
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let remote = REMOTE.contains(&kind) || kind.starts_with("fuse.");
    if top != "/" && kind != "btrfs" || hidden || remote || UNREAL.contains(&kind) {
        return None;
    }
    Some(Mount {
        device,
        kind: kind.to_owned(),
        point,
        number: number.to_owned(),
        readonly: options.split(',').any(|option| option == "ro"),
    })
}

/// The kernel writes blanks and backslashes as three octal digits: `\040`.
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'\\').then(|| after.get(..3)).flatten();
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Each file system that holds data, with its space; `None` when it does not say.
#[must_use]
pub fn spaces(probe: &dyn Probe) -> Vec<(Mount, Option<Space>)> {
    let text = probe.read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mounts(&text).into_iter();
    mounts
        .map(|mount| {
            let space = probe.space(&mount.point);
            (mount, space)
        })
        .collect()
}

type Column = (&'static str, fn(&Space) -> u64, &'static str);

const COLUMNS: [Column; 5] = [
    (
        "node_filesystem_size_bytes",
        |space| space.size,
        "Filesystem size in bytes.",
    ),
    (
        "node_filesystem_free_bytes",
        |space| space.free,
        "Filesystem free space in bytes.",
    ),
    (
        "node_filesystem_avail_bytes",
        |space| space.available,
        "Filesystem space available to non-root users in bytes.",
    ),
    (
        "node_filesystem_files",
        |space| space.files,
        "Filesystem total file nodes.",
    ),
    (
        "node_filesystem_files_free",
        |space| space.files_free,
        "Filesystem total free file nodes.",
    ),
];

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    let all = spaces(probe);
    for (name, value, help) in COLUMNS {
        let mut family = page.family(name, Kind::Gauge, help);
        for (mount, space) in &all {
            if let Some(space) = space {
                family.put(&labels(mount), value(space));
            }
        }
    }
    let help = "Filesystem read-only status.";
    let mut family = page.family("node_filesystem_readonly", Kind::Gauge, help);
    for (mount, _) in all.iter().filter(|(_, space)| space.is_some()) {
        family.put(&labels(mount), u8::from(mount.readonly));
    }
    let help = "Whether an error occurred while getting statistics for the given device.";
    let mut family = page.family("node_filesystem_device_error", Kind::Gauge, help);
    for (mount, space) in &all {
        family.put(&labels(mount), u8::from(space.is_none()));
    }
}

fn labels(mount: &Mount) -> [(&'static str, &str); 3] {
    [
        ("device", &mount.device),
        ("fstype", &mount.kind),
        ("mountpoint", &mount.point),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_does_not_hide_the_truth() {
        let text = "\
            60 1 179:2 / / rw,relatime - ext4 /dev/mmcblk0p2 rw,discard\n\
            61 60 179:2 / / ro,relatime - ext4 /dev/mmcblk0p2 rw,discard\n\
            62 61 179:3 /vigla/metrics /var/lib/vigla/metrics rw - ext4 /dev/mmcblk0p3 rw\n\
            63 61 179:3 / /var/lib ro - ext4 /dev/mmcblk0p3 rw\n\
            64 61 179:1 / /boot/my\\040firmware ro - vfat /dev/mmcblk0p1 ro,errors=remount-ro\n\
            65 61 0:20 / /proc rw - proc proc rw\n\
            66 61 0:21 / /run/vigla rw - tmpfs tmpfs rw\n\
            67 61 0:22 / /srv rw - nfs4 server:/x rw\n\
            68 rubbish\n";
        let mounts = mounts(text);
        let seen: Vec<_> = mounts
            .iter()
            .map(|m| (m.point.as_str(), m.readonly))
            .collect();
        assert_eq!(
            seen,
            [
                ("/", false),
                ("/var/lib", false),
                ("/boot/my firmware", true)
            ]
        );
    }

    #[test]
    fn odd_escapes_stay_as_they_are() {
        for (text, expected) in [
            ("a\\040b", "a b"),
            ("\\", "\\"),
            ("\\04", "\\04"),
            ("\\777", "\\777"),
            ("\\ä12", "\\ä12"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
