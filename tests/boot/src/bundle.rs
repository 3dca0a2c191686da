//! Updates for the tests: the built slot with another version, and with files replaced.

use std::path::{Path, PathBuf};

use crate::card::done;
use crate::xtask::xtask;

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
        #[allow(clippy::disallowed_methods, reason = "a test's own folder")]
        std::fs::write(&file, content)?;
        make.arg("--put").arg(format!("{path}={}", file.display()));
    }
    done(&mut make)?;
    Ok(out)
}
