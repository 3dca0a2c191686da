//! A card for one test: a copy of the built image.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::xtask::xtask;

/// As large as the smallest that is sold in shops: room for a bundle, and data to grow into.
const SIZE: u64 = 4 << 30;

/// A copy that is thrown away; what is written to it lasts until then, through reboots and power cuts.
#[derive(Debug)]
pub struct Card {
    folder: tempfile::TempDir,
    log: PathBuf,
}

impl Card {
    /// A copy of `image` for the test `name`, whose serial line goes to `target/boot/NAME.log`.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn copy(image: &Path, name: &str) -> anyhow::Result<Self> {
        // Beside the image: the tools' tree sees the target folder, and not `/tmp`.
        let beside = image.parent().context("an image in a folder")?;
        let logs = beside.with_file_name("boot");
        std::fs::create_dir_all(&logs)?;
        let log = logs.join(format!("{name}.log"));
        File::create(&log).with_context(|| format!("make `{}`", log.display()))?;
        let folder = tempfile::tempdir_in(beside)?;
        let card = Self { folder, log };
        let mut copy = Command::new("cp");
        copy.args(["--sparse=always", "--reflink=auto"]);
        done(copy.arg(image).arg(card.path()))?;
        let file = File::options().write(true).open(card.path())?;
        file.set_len(SIZE)?;
        Ok(card)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("card.img")
    }

    /// What the serial line said, all starts one after the other.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// A folder for what the test puts beside it; thrown away with it.
    #[must_use]
    pub fn beside(&self) -> &Path {
        self.folder.path()
    }
}

/// A program of the tools' tree.
///
/// # Errors
/// When `cargo xtask test` did not say where its `xtask` is.
pub fn tool(program: &str) -> anyhow::Result<Command> {
    let mut tool = xtask("tool")?;
    tool.arg(program);
    Ok(tool)
}

/// Runs a short command to its end; what it says on stdout.
///
/// # Errors
/// Its complaint, when it fails.
pub fn done(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("start `xtask`")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?}: {}", complaint.trim());
    String::from_utf8(output.stdout).context("what a tool says")
}
