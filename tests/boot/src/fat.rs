//! The owner's partition of a raw card, from outside.

use std::path::{Path, PathBuf};

use crate::card::{done, tool};
use crate::gpt::partition;

/// The FAT partition `boot` of a card that nobody runs.
#[derive(Debug)]
pub struct Fat {
    card: PathBuf,
    offset: u64,
}

impl Fat {
    /// That of the raw card `path`.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        let offset = partition(path, "boot")?.start;
        let card = path.to_owned();
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
    pub fn put(&self, name: &str, file: &Path) -> anyhow::Result<()> {
        let mut mcopy = self.mtools("mcopy")?;
        done(mcopy.args(["-o"]).arg(file).arg(format!("::{name}"))).map(drop)
    }
}
