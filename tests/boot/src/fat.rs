//! The owner's partition of a raw card, from outside.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::card::{done, tool};
use crate::gpt::partition;

/// The FAT partition `boot` of a card that nobody runs.
#[derive(Debug)]
pub struct Fat {
    card: PathBuf,
    offset: u64,
}

impl Fat {
    /// That of the raw card at `path`.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(path: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let card = path.into();
        let offset = partition(&card, "boot")?.start;
        Ok(Self { card, offset })
    }

    fn mtools(&self, program: &str) -> anyhow::Result<std::process::Command> {
        let mut command = tool(program)?;
        command
            .arg("-i")
            .arg(format!("{}@@{}", self.card.display(), self.offset));
        Ok(command)
    }

    /// What the file `name` holds.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let output = self.mtools("mtype")?.arg(format!("::{name}")).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "`{name}`: {}", complaint.trim());
        Ok(output.stdout)
    }

    /// Puts a file there, in place of one of the same name.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn put(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        // Beside the card: the tools' tree sees the target folder, and not `/tmp`.
        let beside = self.card.parent().context("a card in a folder")?;
        let mut file = tempfile::NamedTempFile::new_in(beside)?;
        file.write_all(content)?;
        let mut mcopy = self.mtools("mcopy")?;
        mcopy.arg("-o").arg(file.path()).arg(format!("::{name}"));
        done(&mut mcopy).map(drop)
    }
}
