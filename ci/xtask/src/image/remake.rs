//! `cargo xtask bundle`: a slot that was built before, changed in a few files and signed anew. The
//! boot tests make their updates with it, good and bad ones, without building an image for each.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use super::bundle::{self, About, Format, Payload, Signer};
use super::{Machine, Tools, Variant};
use crate::process;

/// What to change and how to sign.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The bundle to write
    out: PathBuf,
    /// The file system of a slot; without it that of the dev image
    #[arg(long, value_name = "FILE")]
    slot: Option<PathBuf>,
    /// The version that the bundle and the changed slot show
    #[arg(long, value_name = "V")]
    version: String,
    /// Put a file into the slot: `etc/motd=FILE`
    #[arg(long, value_name = "PATH=FILE")]
    put: Vec<String>,
    /// The board that the bundle says it is for
    #[arg(long, value_enum, default_value = "qemu-arm64")]
    machine: Machine,
    /// How the payload is protected
    #[arg(long, value_enum, default_value = "verity")]
    format: Format,
    /// A folder with another authority, made where it is missing; without it that of this clone
    #[arg(long, value_name = "FOLDER")]
    authority: Option<PathBuf>,
}

/// Makes the bundle.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let tools = Tools::existing()?;
    let built = super::work(&super::card(options.machine, Variant::Dev)).join("root.ext4");
    let from = options.slot.as_deref().unwrap_or(&built);
    let slot = options.out.with_extension("ext4");
    fs::copy(from, &slot).with_context(|| format!("copy `{}`", from.display()))?;
    let mut puts = Vec::new();
    if options.slot.is_none() {
        let release = options.out.with_extension("release");
        super::put(
            &release,
            super::tree::release(options.machine, &options.version),
        )?;
        puts.push(("usr/lib/os-release".to_owned(), release));
    }
    for put in &options.put {
        let (path, file) = put.split_once('=').context("`--put` wants PATH=FILE")?;
        puts.push((path.to_owned(), file.into()));
    }
    change(&tools, &slot, &puts)?;
    let signer = signer(options, &tools)?;
    let about = About {
        compatible: options.machine.compatible(),
        version: &options.version,
        build: super::epoch()?,
        format: options.format,
        payload: Payload::Compressed,
    };
    bundle::sign(&tools, &about, &slot, &signer, &options.out)?;
    fs::remove_file(&slot).context("tidy up after the bundle")
}

fn signer(options: &Options, tools: &Tools) -> anyhow::Result<Signer> {
    let Some(folder) = &options.authority else {
        return bundle::development(tools);
    };
    if !folder.exists() {
        bundle::authority(tools, folder, "other")?;
    }
    Ok(Signer::in_folder(folder))
}

/// Replaces files of an ext4 file system without mounting it; their modes stay.
fn change(tools: &Tools, slot: &Path, puts: &[(String, PathBuf)]) -> anyhow::Result<()> {
    for (path, file) in puts {
        // debugfs copies the source's mode.
        process::must("chmod", Command::new("chmod").arg("0755").arg(file))?;
        for request in [
            format!("rm /{path}"),
            format!("write {} /{path}", file.display()),
        ] {
            let mut debugfs = tools.command("debugfs");
            let arguments: [OsString; 3] = ["-w".into(), "-R".into(), request.into()];
            process::output(debugfs.args(arguments).arg(slot))?;
        }
    }
    Ok(())
}
