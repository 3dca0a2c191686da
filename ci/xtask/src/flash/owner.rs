//! The owner's files, as strict as it can be: what a node would leave out is refused here.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use vigla_fleet::invitation;
use vigla_site::Zones;

use crate::say;
use crate::stop::{self, Stop};

/// A mistake: its line, what is wrong, what to do.
type Mistake = (usize, String, String);

/// The bytes of `vigla.toml`, without a mistake.
pub(super) fn settings(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read(path, vigla_site::LARGEST)?;
    let (_, mistakes) = vigla_site::read(&bytes, &Zones::system());
    let told = mistakes.into_iter();
    sound(path, told.map(|m| (m.line, m.what, m.fix)).collect())?;
    Ok(bytes)
}

/// The bytes of `enrolment.toml`, without a mistake, and with a claim that nobody has used.
pub(super) fn claim(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = read(path, invitation::LARGEST)?;
    let (found, mistakes) = invitation::read(&bytes);
    let told = mistakes.into_iter();
    sound(path, told.map(|m| (m.line, m.what, m.fix)).collect())?;
    if found.is_some_and(|invitation| invitation.claim.is_some()) {
        return Ok(bytes);
    }
    let message = format!(
        "`{}` has no claim, a node has used it: make a new one with `kubectl vigla claim create`; nothing was written",
        path.display()
    );
    Err(Stop::with(stop::CONFIG, message))
}

/// One byte more than is ever taken, so that a file that is too large is known to be.
fn read(path: &Path, largest: usize) -> anyhow::Result<Vec<u8>> {
    let opened = || format!("read `{}`", path.display());
    let file = File::open(path).with_context(opened)?;
    let mut bytes = Vec::new();
    let read = file.take(largest as u64 + 1).read_to_end(&mut bytes);
    read.with_context(opened)?;
    Ok(bytes)
}

/// Refuses a file with mistakes, each said with its line.
fn sound(path: &Path, mistakes: Vec<Mistake>) -> anyhow::Result<()> {
    let count = match mistakes.len() {
        0 => return Ok(()),
        1 => "one mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    for (line, what, fix) in mistakes {
        say::trouble(format_args!("{}:{line}: {what}\n    {fix}", path.display()));
    }
    let message = format!("`{}` has {count}; nothing was written", path.display());
    Err(Stop::with(stop::CONFIG, message))
}
