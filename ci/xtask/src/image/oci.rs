//! `cargo xtask oci`: the registrar as an image for the cloud, for amd64 and arm64, without anything that others made:
//! one program that stands alone, its manual, and the name of its user. No shell, nothing that can be written.
//!
//! The programs are compiled in the tree of image tools, so that the same sources give the same bits on every machine;
//! the layout is that of the OCI image specification 1.1.

mod layout;
mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use nix::unistd::geteuid;

use super::archive::Archive;
use super::lock;
use super::put;
use super::tools::Tools;
use crate::say::{self, Step};
use crate::{places, process};
use layout::Platform;

/// Who it runs as; in an image that nobody else is in.
const USER: u32 = 65532;
const PASSWD: &str = "vigla:x:65532:65532::/:/nonexistent\n";
const GROUP: &str = "vigla:x:65532:\n";
const PROGRAM: &str = "usr/bin/vigla-registrar";
const MANUAL: &str = "usr/lib/vigla/registrar.d/10-default.toml";

/// Where it goes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A folder for the layout, beside which an archive of it is put; without it `oci` in cargo's target folder
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Only for this processor; may be repeated
    #[arg(long = "platform", value_enum, value_name = "PLATFORM")]
    platforms: Vec<Platform>,
}

/// Compiles, packs, checks, and starts what this machine can start.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let out = options.out.clone();
    let out = out.unwrap_or_else(|| places::target().join("oci/registrar"));
    let platforms = match &options.platforms[..] {
        [] => vec![Platform::Amd64, Platform::Arm64],
        some => some.to_vec(),
    };
    let tools = Tools::open(&lock::read()?, &Archive::open()?)?;
    let mut trees = Vec::new();
    for platform in platforms {
        let program = program::build(&tools, platform)?;
        let step = Step::start("tree");
        let tree = out.with_extension(format!("{}.tree", platform.name()));
        lay_out(&tree, &program)?;
        if platform.is_ours() {
            starts(&tree)?;
        }
        step.end(tree.display());
        trees.push((platform, tree));
    }
    let step = Step::start("image");
    layout::write(&out, &trees)?;
    layout::check(&out)?;
    let archive = out.with_extension("tar");
    layout::pack(&out, ".", &archive)?;
    for (_, tree) in trees {
        fs::remove_dir_all(tree)?;
    }
    step.end(archive.display());
    say::line(format_args!(
        "load it with `docker load -i`, `podman load -i` or `ctr images import`"
    ));
    Ok(())
}

/// Everything that is in the image.
fn lay_out(tree: &Path, program: &Path) -> anyhow::Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    let manual = places::repository().join("services/registrar/manual/10-default.toml");
    for (from, to) in [(program, PROGRAM), (&manual, MANUAL)] {
        let to = tree.join(to);
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::copy(from, &to).with_context(|| format!("copy `{}`", from.display()))?;
    }
    // Where a cluster hangs its settings in.
    fs::create_dir_all(tree.join("etc/vigla/registrar.d"))?;
    put(tree.join("etc/passwd"), PASSWD)?;
    put(tree.join("etc/group"), GROUP)?;
    for (path, mode) in [
        (PROGRAM, 0o555),
        (MANUAL, 0o444),
        ("etc/passwd", 0o444),
        ("etc/group", 0o444),
    ] {
        fs::set_permissions(tree.join(path), fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// With nothing of this machine around it, and as its own user where we may choose one.
fn starts(tree: &Path) -> anyhow::Result<()> {
    let program = format!("/{PROGRAM}");
    let mut command;
    if geteuid().is_root() {
        command = Command::new("chroot");
        command.arg(format!("--userspec={USER}:{USER}"));
    } else {
        command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "chroot"]);
    }
    let said = process::output(command.arg(tree).args([&program, "--check"]))?;
    anyhow::ensure!(
        said.contains("listen = \"0.0.0.0:8443\""),
        "the program does not find its manual: {said}"
    );
    Ok(())
}
