//! Updates for the tests: the built slot with another version, and with files replaced.

use std::path::{Path, PathBuf};

use crate::card::done;
use crate::xtask::xtask;

/// Makes a bundle in `folder` from a slot of one megabyte, quickly: it is not meant to be started.
/// `more` are options of `cargo xtask bundle`.
///
/// # Errors
/// When the tools complain.
pub fn small_bundle(folder: &Path, name: &str, more: &[&str]) -> anyhow::Result<Vec<u8>> {
    let slot = folder.join("small.ext4");
    if !slot.exists() {
        // No pattern that squashfs would leave out.
        let noise: Vec<u8> = (0..1_u32 << 18)
            .flat_map(|n| crc32fast::hash(&n.to_le_bytes()).to_le_bytes())
            .collect();
        put(&slot, &noise)?;
    }
    let out = folder.join(format!("{name}.raucb"));
    let mut make = xtask("bundle")?;
    make.arg(&out).arg("--slot").arg(&slot).args(more);
    if !more.contains(&"--version") {
        make.args(["--version", "0.9.0"]);
    }
    done(&mut make)?;
    Ok(std::fs::read(out)?)
}

#[allow(clippy::disallowed_methods, reason = "a test's own folder")]
fn put(path: &Path, content: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, content)
}

/// Makes `NAME.raucb` in `folder`: version `version`, with each `(path in the slot, content)` in it.
///
/// # Errors
/// When the tools complain.
pub fn bundle(
    folder: &Path,
    name: &str,
    version: &str,
    puts: &[(&str, &str)],
) -> anyhow::Result<PathBuf> {
    let out = folder.join(format!("{name}.raucb"));
    let mut make = xtask("bundle")?;
    make.arg(&out).args(["--version", version]);
    for (number, (path, content)) in puts.iter().enumerate() {
        let file = folder.join(format!("{name}.{number}"));
        put(&file, content.as_bytes())?;
        make.arg("--put").arg(format!("{path}={}", file.display()));
    }
    done(&mut make)?;
    Ok(out)
}

/// Makes the delta between two bundles.
///
/// # Errors
/// When the tools complain.
pub fn delta(old: &Path, new: &Path) -> anyhow::Result<Vec<u8>> {
    let out = new.with_extension("delta");
    let mut make = xtask("delta")?;
    done(make.arg(old).arg(new).arg("--out").arg(&out))?;
    Ok(std::fs::read(out)?)
}
