//! `cargo xtask boot`: an image in QEMU's aarch64 `virt` board, on a copy that is thrown away.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::image::{self, Machine, Tools, Variant};
use crate::process;

/// What to boot.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The card; without it the dev image that was built last
    image: Option<PathBuf>,
    /// Show the page on this port of 127.0.0.1
    #[arg(long, value_name = "N", default_value_t = 8080)]
    port: u16,
    /// Keep what the device writes to the card
    #[arg(long)]
    keep: bool,
}

/// Boots it; the terminal is its serial console (Ctrl-A X ends it).
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let card = options.image.clone();
    let card = card.unwrap_or_else(|| image::card(Machine::QemuArm64, Variant::Dev));
    let card = card.canonicalize().with_context(|| {
        format!(
            "no image `{}`; `cargo xtask image --variant dev` makes one",
            card.display()
        )
    })?;
    let tools = Tools::existing()?;
    let mut qemu = tools.command("qemu-system-aarch64");
    machine(&mut qemu);
    qemu.args(["-display", "none", "-serial", "mon:stdio"]);
    let snapshot = if options.keep { "off" } else { "on" };
    qemu.arg("-drive").arg(format!(
        "if=none,id=card,file={},format=raw,cache=unsafe,snapshot={snapshot}",
        card.display()
    ));
    qemu.args(["-device", "virtio-blk-pci,drive=card"]);
    qemu.arg("-netdev").arg(format!(
        "user,id=net,hostfwd=tcp:127.0.0.1:{}-:8080",
        options.port
    ));
    qemu.args(["-device", "virtio-net-pci,netdev=net,romfile="]);
    process::must("QEMU", &mut qemu)
}

/// The board, without disk and network.
fn machine(qemu: &mut Command) {
    qemu.args([
        "-M",
        "virt",
        "-cpu",
        "cortex-a72",
        "-smp",
        "2",
        "-m",
        "1536",
    ]);
    qemu.args([
        "-accel",
        "tcg,thread=multi",
        "-bios",
        "/usr/lib/u-boot/qemu_arm64/u-boot.bin",
    ]);
    qemu.args([
        "-device",
        "virtio-rng-pci",
        "-device",
        "i6300esb,id=dog",
        "-action",
        "watchdog=reset",
    ]);
}
