//! What differs between the boards: how U-Boot reaches the card, and what lies on the FAT partition.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use crate::places;

/// A board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Machine {
    /// QEMU's `virt` board, for tests
    QemuArm64,
    /// Raspberry Pi 4
    Rpi4,
}

impl Machine {
    /// As in file names and in the bundle's `compatible`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::QemuArm64 => "qemu-arm64",
            Self::Rpi4 => "rpi4",
        }
    }

    /// What a bundle and a device must agree in.
    pub(crate) fn compatible(self) -> String {
        format!("vigla-{}", self.name())
    }

    /// `image/boot/boot.cmd` for this board.
    pub(crate) fn boot_script(self) -> anyhow::Result<String> {
        let text = fs::read_to_string(places::repository().join("image/boot/boot.cmd"))?;
        let (bus, arguments, fdt) = match self {
            Self::QemuArm64 => (
                "virtio",
                "console=ttyAMA0 quiet loglevel=4 systemd.show_status=0 net.ifnames=0",
                "${fdt_addr}",
            ),
            Self::Rpi4 => (
                "mmc",
                "console=tty1 quiet loglevel=4 net.ifnames=0",
                "${fdt_addr}",
            ),
        };
        Ok(text
            .replace("{bus}", bus)
            .replace("{arguments}", arguments)
            .replace("{fdt}", fdt))
    }

    /// The files of the FAT partition, below its root or `below`, where the packages are unpacked.
    pub(crate) fn boot_files(self, script: &Path, below: &Path) -> anyhow::Result<Vec<PathBuf>> {
        // The manual is the file that the owner changes.
        let manual = "services/site/dist/usr/share/vigla/vigla.toml";
        let mut files = vec![script.to_owned(), places::repository().join(manual)];
        match self {
            // Its firmware is given to QEMU.
            Self::QemuArm64 => {}
            Self::Rpi4 => {
                files.push(places::repository().join("image/boot/config.txt"));
                files.extend(PI_4.iter().map(|name| below.join(name)));
                let trees = below.join("usr/lib").join(device_trees(below)?);
                files.extend(BOARDS.iter().map(|board| trees.join(board)));
            }
        }
        Ok(files)
    }

    /// Firmware that the kernel asks for, below the unpacked packages.
    pub(crate) fn firmware(self) -> &'static [&'static str] {
        match self {
            Self::QemuArm64 => &[],
            Self::Rpi4 => &["brcm/*43455*", "cypress/*43455*"],
        }
    }
}

/// What the Pi 4's boot loader loads, and U-Boot.
const PI_4: &[&str] = &[
    "usr/lib/raspi-firmware/start4.elf",
    "usr/lib/raspi-firmware/fixup4.dat",
    "usr/lib/u-boot/rpi_arm64/u-boot.bin",
];

/// Device trees, by board.
const BOARDS: &[&str] = &[
    "broadcom/bcm2711-rpi-4-b.dtb",
    "broadcom/bcm2711-rpi-400.dtb",
    "broadcom/bcm2711-rpi-cm4-io.dtb",
];

/// `linux-image-<version>`: Debian's kernel has its device trees beside the modules.
fn device_trees(below: &Path) -> anyhow::Result<std::ffi::OsString> {
    let entries = fs::read_dir(below.join("usr/lib")).context("list the unpacked kernel")?;
    let mut names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    names
        .find(|name| name.to_string_lossy().starts_with("linux-image-"))
        .context("the kernel's package has no device trees")
}
