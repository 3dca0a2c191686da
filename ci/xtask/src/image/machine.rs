//! What differs between the boards: how U-Boot reaches the card, and what lies on the FAT partition.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::tools::Tools;
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

    /// The files of the FAT partition with their names there.
    pub(crate) fn boot_files(
        self,
        script: &Path,
        _tools: &Tools,
    ) -> anyhow::Result<Vec<(PathBuf, &'static str)>> {
        Ok(match self {
            // Its firmware is given to QEMU.
            Self::QemuArm64 => vec![(script.to_owned(), "boot.scr")],
            Self::Rpi4 => anyhow::bail!("the Pi 4's firmware is not assembled yet"),
        })
    }
}
