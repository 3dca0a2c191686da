//! `cargo xtask flash`: an image onto a card, with the owner's `vigla.toml` and `enrolment.toml` on it.
//!
//! ```text
//!  owner's files ─ checked ─┐
//!  image + block map ───────┼─► disk: looked at, shown, asked for ─► written ─► read back ─► files onto FAT
//! ```
//!
//! Nothing is touched before the owner's files, the map and the disk were found good and somebody said
//! yes. What is written is read back from the disk; a card that was pulled too early is no card.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::packages::{self, Consent};
use crate::say::{self, Step};
use crate::stop::{self, Stop};

mod ask;
mod disks;
mod fat;
mod gpt;
mod map;
mod owner;
mod source;
mod target;
#[cfg(test)]
mod tests;
mod write;

use source::Image;
use target::Target;

/// What to write, and where to.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The image, `.img.zst` or `.img`; its block map `.img.bmap` is looked for beside it
    #[arg(required_unless_present = "list")]
    image: Option<PathBuf>,
    /// The disk, like `/dev/sdb`, or a file for QEMU
    #[arg(required_unless_present = "list")]
    device: Option<PathBuf>,
    /// Your `vigla.toml`: checked first, and put on the card
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// An `enrolment.toml` of `kubectl vigla claim create`: checked first, and put on the card
    #[arg(long, value_name = "FILE")]
    enrol: Option<PathBuf>,
    /// How large a file is made, like 8G; without it 512 MB more than the image
    #[arg(long, value_name = "SIZE", value_parser = target::size)]
    size: Option<u64>,
    /// List the disks of this machine, and stop
    #[arg(long)]
    list: bool,
    /// Do not ask before the disk is overwritten
    #[arg(long, short)]
    yes: bool,
}

/// Flashes.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.list {
        return disks::list();
    }
    let (Some(image), Some(device)) = (&options.image, &options.device) else {
        return Err(Stop::with(stop::USAGE, "IMAGE and DEVICE are needed"));
    };
    let files = files(options)?;
    packages::install(packages::FLASH, Consent::from_flag(options.yes))?;
    let image = Image::open(image)?;
    let target = Target::look(device, image.size(), options.size)?;
    ask::consent(&target, options.yes)?;
    flash(&image, &target, &files)?;
    say::line(format_args!("{} is ready", target.path.display()));
    Ok(())
}

/// A name at the top of the FAT partition, and what is put there.
type Put = (&'static str, Vec<u8>);

/// The owner's files, checked.
fn files(options: &Options) -> anyhow::Result<Vec<Put>> {
    let mut files = Vec::new();
    if let Some(path) = &options.config {
        files.push((vigla_site::FILE, owner::settings(path)?));
    }
    if let Some(path) = &options.enrol {
        files.push((vigla_fleet::invitation::FILE, owner::claim(path)?));
    }
    Ok(files)
}

/// Writes, reads back, and puts the owner's files on the card.
fn flash(image: &Image, target: &Target, files: &[Put]) -> anyhow::Result<()> {
    let file = target.open()?;
    let broken = || {
        format!(
            "`{}` is not whole and does not start; write it again",
            target.path.display()
        )
    };
    let step = Step::start("write");
    let written = write::image(image, &file).with_context(broken)?;
    if target.is_disk() {
        write::erase_traces(image, &file, target.size).with_context(broken)?;
    }
    step.end(format_args!("{} MB", written.bytes() / 1_000_000));
    let step = Step::start("verify");
    written.verify(&file).with_context(broken)?;
    step.end("read back, all as written");
    for (name, bytes) in files {
        let step = Step::start("settings");
        let boot = gpt::partitions(&file)?;
        let boot = boot.iter().find(|partition| partition.label == "boot");
        let boot = boot.context("the image has no partition `boot`: it is none of ours")?;
        fat::put(&file, boot, name, bytes)?;
        step.end(format_args!("{name} on the card"));
    }
    target.release(file)
}
