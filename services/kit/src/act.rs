//! Asking root for something: a request file for `vigla-act` (see `services/act`).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Puts `request` into the folder of an act, whole or not at all. `who` asks: two who may ask for the same do not write
/// into one file.
///
/// # Errors
///
/// The folder is not there or not ours to write, or the disk is full.
pub fn ask(folder: &Path, who: &str, request: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!("{who}.new"));
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&beside)?;
    // Root reads it without any capability: our mask must not keep it out.
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(request)?;
    drop(file);
    fs::rename(beside, folder.join("request.json"))
}
