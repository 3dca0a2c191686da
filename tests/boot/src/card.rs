//! A card for one test: an overlay over the built image.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::xtask::xtask;

/// A card that is thrown away; writes last until then, through reboots and power cuts.
#[derive(Debug)]
pub struct Card {
    folder: tempfile::TempDir,
}

impl Card {
    /// An overlay over `image`.
    ///
    /// # Errors
    /// When `qemu-img` complains.
    pub fn over(image: &Path) -> anyhow::Result<Self> {
        // Beside the image: the tools' tree sees the target folder, and not `/tmp`.
        let beside = image.parent().context("an image in a folder")?;
        let folder = tempfile::tempdir_in(beside)?;
        let card = Self { folder };
        let mut create = tool("qemu-img")?;
        create.args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"]);
        done(create.arg(image).arg(card.path()))?;
        Ok(card)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("card.qcow2")
    }
}

/// A program of the tools' tree.
pub(crate) fn tool(program: &str) -> anyhow::Result<Command> {
    let mut tool = xtask("tool")?;
    tool.arg(program);
    Ok(tool)
}

/// Runs a short command to its end; what it says on stdout, or its complaint.
pub(crate) fn done(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("start `xtask`")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?}: {}", complaint.trim());
    String::from_utf8(output.stdout).context("what a tool says")
}
