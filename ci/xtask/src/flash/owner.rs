//! The owner's file, as strict as it can be: what a node would leave out is refused here.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use vigla_site::{LARGEST, Zones};

use crate::say;
use crate::stop::{self, Stop};

/// Its bytes, without a mistake.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let opened = || format!("read `{}`", path.display());
    let file = File::open(path).with_context(opened)?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST as u64 + 1).read_to_end(&mut bytes);
    read.with_context(opened)?;
    let (_, mistakes) = vigla_site::read(&bytes, &Zones::system());
    if mistakes.is_empty() {
        return Ok(bytes);
    }
    for mistake in &mistakes {
        let line = mistake.line;
        let (what, fix) = (&mistake.what, &mistake.fix);
        say::trouble(format_args!("{}:{line}: {what}\n    {fix}", path.display()));
    }
    let count = match mistakes.len() {
        1 => "one mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    let message = format!("`{}` has {count}; nothing was written", path.display());
    Err(Stop::with(stop::CONFIG, message))
}
