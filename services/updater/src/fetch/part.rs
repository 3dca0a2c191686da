//! The file that a download grows in, and what is known of it beside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use vigla_kit::atomic;

use super::range::Known;

const PART: &str = "bundle.part";
const ABOUT: &str = "bundle.json";
const WHOLE: &str = "bundle.raucb";

/// A bundle that is not whole yet.
#[derive(Debug)]
pub(super) struct Part {
    folder: PathBuf,
    url: String,
    file: File,
    have: u64,
    known: Known,
}

impl Part {
    /// What is kept of `url`, or an empty file.
    pub(super) fn open(folder: &Path, url: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let known = about(folder, url);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(folder.join(PART))?;
        let mut part = Self {
            folder: folder.to_owned(),
            url: url.to_owned(),
            have: file.metadata()?.len(),
            file,
            known: known.clone().unwrap_or_default(),
        };
        if known.is_none() {
            part.restart(Known::default())?;
        }
        Ok(part)
    }

    pub(super) fn have(&self) -> u64 {
        self.have
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// Bytes that are still to come, as far as that is known.
    pub(super) fn missing(&self) -> u64 {
        self.known.length.unwrap_or(0).saturating_sub(self.have)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.known.length.is_none_or(|length| length == self.have)
    }

    #[allow(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn share(&self) -> f64 {
        match self.known.length {
            Some(length) if length > 0 => (self.have as f64 / length as f64).min(1.0),
            _ => 0.0,
        }
    }

    /// From the first byte, of a file of which this is known.
    pub(super) fn restart(&mut self, known: Known) -> io::Result<()> {
        self.file.set_len(0)?;
        self.have = 0;
        let text = serde_json::to_vec(&(&self.url, &known)).map_err(io::Error::other)?;
        self.known = known;
        atomic::write(&self.folder.join(ABOUT), &text)
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.have += bytes.len() as u64;
        Ok(())
    }

    /// Gives the whole file its name.
    pub(super) fn finish(self) -> io::Result<PathBuf> {
        self.file.sync_all()?;
        let whole = self.folder.join(WHOLE);
        fs::rename(self.folder.join(PART), &whole)?;
        let _ = fs::remove_file(self.folder.join(ABOUT));
        Ok(whole)
    }
}

fn about(folder: &Path, url: &str) -> Option<Known> {
    let text = fs::read(folder.join(ABOUT)).ok()?;
    let (of, known): (String, Known) = serde_json::from_slice(&text).ok()?;
    (of == url).then_some(known)
}

/// Removes everything.
pub(super) fn forget(folder: &Path) {
    for name in [PART, ABOUT, WHOLE] {
        // What is not there need not go; what cannot go is overwritten by the next.
        let _ = fs::remove_file(folder.join(name));
    }
}
