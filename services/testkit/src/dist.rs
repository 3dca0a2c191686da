//! The `dist/` trees of the services: what a device gets, and so what the tests run with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Files with `extension` in `folder` of every `services/*/dist` below `repository`, sorted.
pub(crate) fn files(
    repository: &Path,
    folder: &str,
    extension: &str,
) -> anyhow::Result<Vec<PathBuf>> {
    let services = repository.join("services");
    let mut files = Vec::new();
    let entries =
        fs::read_dir(&services).with_context(|| format!("list `{}`", services.display()))?;
    for service in entries {
        let Ok(entries) = fs::read_dir(service?.path().join("dist").join(folder)) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
