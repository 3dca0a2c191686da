//! `cargo xtask boot`: an image in QEMU's aarch64 `virt` board, on a copy that is thrown away.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::image::{self, Machine, Tools, Variant};
/// What to boot.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The card; without it the dev image that was built last
    image: Option<PathBuf>,
    /// Show the page on this port of 127.0.0.1
    #[arg(long, value_name = "N", default_value_t = 8080)]
    port: u16,
    /// Show the page over HTTPS, where a device asks for the log-in, on this port of 127.0.0.1
    #[arg(long, value_name = "N", default_value_t = 8443)]
    https_port: u16,
    /// Keep what the device writes to the card
    #[arg(long)]
    keep: bool,
    /// Record every write to the card in this new file, in the format of dm-log-writes
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Cut the power of the dev image after N of the writes of a first boot and an update, and judge each
    #[arg(long, value_name = "N", conflicts_with_all = ["image", "record"], value_parser = clap::value_parser!(u32).range(2..))]
    power_cuts: Option<u32>,
    /// For QEMU itself: more devices
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct ToolOptions {
    /// A program of the tools' tree, and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Becomes a program of the tools' tree.
pub(crate) fn tool(options: &ToolOptions) -> anyhow::Result<()> {
    let [program, arguments @ ..] = options.command.as_slice() else {
        anyhow::bail!("which program?");
    };
    let program = program.to_str().context("a program's name in UTF-8")?;
    become_it(Tools::existing()?.command(program).args(arguments))
}

/// Whoever started us then has the program itself: its signals, its end.
fn become_it(command: &mut Command) -> anyhow::Result<()> {
    let error = command.exec();
    Err(error).with_context(|| format!("start `{}`", command.get_program().display()))
}

/// Boots it; the terminal is its serial console (Ctrl-A X ends it).
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if let Some(count) = options.power_cuts {
        return crate::test::power_cuts(count);
    }
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
    disk(&mut qemu, &card, options)?;
    qemu.args(["-device", "virtio-blk-pci,drive=card"]);
    qemu.arg("-netdev").arg(format!(
        "user,id=net,hostfwd=tcp:127.0.0.1:{}-:8080,hostfwd=tcp:127.0.0.1:{}-:8443",
        options.port, options.https_port
    ));
    qemu.args(["-device", "virtio-net-pci,netdev=net,romfile="]);
    become_it(qemu.args(&options.arguments))
}

/// The card as QEMU's disk `card`; between both, where it is asked for, the one who records.
fn disk(qemu: &mut Command, card: &Path, options: &Options) -> anyhow::Result<()> {
    let (file, format) = (card.display(), format(card));
    let Some(record) = &options.record else {
        let snapshot = if options.keep { "off" } else { "on" };
        qemu.arg("-drive").arg(format!(
            "if=none,id=card,file={file},format={format},cache=unsafe,snapshot={snapshot}"
        ));
        return Ok(());
    };
    anyhow::ensure!(options.keep, "what is recorded is kept: add `--keep`");
    File::create_new(record).with_context(|| format!("make `{}`", record.display()))?;
    for node in [
        format!("driver=file,node-name=file,filename={file},cache.no-flush=on"),
        format!("driver={format},node-name=whole,file=file"),
        format!("driver=file,node-name=log,filename={}", record.display()),
        "driver=blklogwrites,node-name=card,file=whole,log=log,log-sector-size=512,log-super-update-interval=1".into(),
    ] {
        qemu.arg("-blockdev").arg(node);
    }
    Ok(())
}

/// A card is raw, an overlay over one is not.
fn format(card: &Path) -> &'static str {
    match card.extension() {
        Some(extension) if extension == "qcow2" => "qcow2",
        _ => "raw",
    }
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
