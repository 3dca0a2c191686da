//! The disks of this machine, as `lsblk` tells, and why one of them must not be overwritten.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;

use super::gpt::SECTOR;
use crate::{process, say};

const COLUMNS: &str =
    "NAME,PATH,TYPE,SIZE,MODEL,TRAN,RO,RM,HOTPLUG,MOUNTPOINTS,FSTYPE,LABEL,PARTLABEL,LOG-SEC";

/// Mounted here, a disk is what the machine runs from.
const SYSTEM: [&str; 8] = [
    "/",
    "/usr",
    "/boot",
    "/boot/efi",
    "/var",
    "/home",
    "/etc",
    "/nix",
];

/// File systems that are parts of something larger, which may be stopped just now.
const MEMBERS: [&str; 5] = [
    "LVM2_member",
    "linux_raid_member",
    "zfs_member",
    "bcache",
    "drbd",
];

/// A disk, a partition, or what is made of them.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Disk {
    pub(super) path: String,
    #[serde(rename = "type")]
    kind: String,
    pub(super) size: u64,
    model: Option<String>,
    tran: Option<String>,
    ro: bool,
    rm: bool,
    hotplug: bool,
    #[serde(default)]
    mountpoints: Vec<Option<String>>,
    fstype: Option<String>,
    label: Option<String>,
    partlabel: Option<String>,
    #[serde(rename = "log-sec")]
    sector: u64,
    #[serde(default)]
    children: Vec<Disk>,
}

#[derive(Debug, Deserialize)]
struct Listing {
    blockdevices: Vec<Disk>,
}

/// Reads what `lsblk` says.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Disk>> {
    let listing: Listing = serde_json::from_str(text).context("read what `lsblk` says")?;
    Ok(listing.blockdevices)
}

fn lsblk(device: Option<&Path>) -> anyhow::Result<Vec<Disk>> {
    let mut lsblk = Command::new("lsblk");
    lsblk.args(["--json", "--bytes", "--output", COLUMNS]);
    lsblk.args(device);
    parse(&process::output(&mut lsblk)?)
}

/// The disk with this node.
pub(super) fn find(device: &Path) -> anyhow::Result<Disk> {
    let found = lsblk(Some(device))?.into_iter().next();
    found.with_context(|| format!("`lsblk` does not know `{}`", device.display()))
}

/// Shows all of them.
pub(super) fn list() -> anyhow::Result<()> {
    let disks: Vec<_> = lsblk(None)?.into_iter().filter(Disk::is_shown).collect();
    for disk in &disks {
        let verdict = disk.refusal(None);
        let verdict = verdict.map_or_else(
            || "can be written".to_owned(),
            |why| format!("refused: {why}"),
        );
        say::line(format_args!(
            "{:<14} {:>9}  {:<30} {verdict}",
            disk.path,
            size(disk.size),
            disk.about()
        ));
    }
    if disks.is_empty() {
        say::line("no disk is connected to this machine");
    }
    Ok(())
}

impl Disk {
    fn is_shown(&self) -> bool {
        matches!(self.kind.as_str(), "disk" | "loop") && self.size > 0
    }

    /// Model, and how it is connected.
    pub(super) fn about(&self) -> String {
        let model = self.model.as_deref().map(str::trim);
        let model = model.filter(|model| !model.is_empty()).unwrap_or("no name");
        let tran = self.tran.as_deref().unwrap_or("");
        let kind = if self.rm || self.hotplug {
            "removable"
        } else {
            "built in"
        };
        let kind = [tran, kind].join(" ");
        format!("{model} ({})", kind.trim())
    }

    /// The partitions that it has now, a line each.
    pub(super) fn content(&self) -> Vec<String> {
        let inner = self.children.iter().filter(|child| child.kind == "part");
        let mut lines: Vec<_> = inner.map(Self::line).collect();
        if lines.is_empty() {
            match &self.fstype {
                Some(_) => lines.push(self.line()),
                None => lines.push("nothing that `lsblk` knows".to_owned()),
            }
        }
        lines
    }

    fn line(&self) -> String {
        let named = [&self.fstype, &self.label, &self.partlabel];
        let named: Vec<_> = named.into_iter().flatten().map(String::as_str).collect();
        let what = if named.is_empty() {
            "unknown content".to_owned()
        } else {
            named.join(", ")
        };
        format!("{} {:>9}  {what}", self.path, size(self.size))
    }

    /// It and everything on it, outer first.
    fn all(&self) -> Vec<&Disk> {
        let inner = self.children.iter().flat_map(Disk::all);
        std::iter::once(self).chain(inner).collect()
    }

    /// Why it must not be overwritten by `needed` bytes.
    pub(super) fn refusal(&self, needed: Option<u64>) -> Option<String> {
        if !matches!(self.kind.as_str(), "disk" | "loop") {
            return Some(format!("it is no whole disk but a `{}`", self.kind));
        }
        if let Some(why) = self.used() {
            return Some(why);
        }
        if self.ro {
            return Some("it is read-only; look at the switch of the card".to_owned());
        }
        if self.size == 0 {
            return Some("there is no card in it".to_owned());
        }
        if self.sector != SECTOR {
            return Some(format!(
                "its sectors have {} bytes, not {SECTOR}",
                self.sector
            ));
        }
        needed.filter(|needed| *needed > self.size).map(|needed| {
            format!(
                "it is too small: {} of the {} that the image needs",
                size(self.size),
                size(needed)
            )
        })
    }

    /// What of it is in use.
    fn used(&self) -> Option<String> {
        let all = self.all();
        let mounts = || {
            let pairs = all.iter().flat_map(|part| {
                let places = part.mountpoints.iter().flatten();
                places.map(|place| (part.path.as_str(), place.as_str()))
            });
            pairs.collect::<Vec<_>>()
        };
        let mounts = mounts();
        if mounts.iter().any(|(_, place)| SYSTEM.contains(place)) {
            return Some("this machine runs from it".to_owned());
        }
        if let Some((part, place)) = mounts.first() {
            return Some(match *place {
                "[SWAP]" => format!("`{part}` is swap of this machine"),
                _ => format!("`{part}` is mounted at `{place}`; unmount it first"),
            });
        }
        let above = all
            .iter()
            .find(|part| !matches!(part.kind.as_str(), "disk" | "loop" | "part"));
        if let Some(above) = above {
            return Some(format!("`{}` ({}) is made of it", above.path, above.kind));
        }
        let member = all.iter().find_map(|part| {
            let kind = part.fstype.as_deref()?;
            MEMBERS.contains(&kind).then_some((part, kind))
        });
        let (part, kind) = member?;
        Some(format!(
            "`{}` belongs to something larger (`{kind}`)",
            part.path
        ))
    }
}

/// As it is printed on cards.
pub(super) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        1_000_000_000..1_000_000_000_000 => format!("{} GB", tenths(1_000_000_000)),
        _ => format!("{} TB", tenths(1_000_000_000_000)),
    }
}
