//! The folders of a daemon: those that systemd makes for it, or private ones where there is none.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use vigla_bus::names::Service;

/// systemd's directory for us, or a private temporary one where there is no systemd.
pub(crate) fn of(variable: &str, service: Service, purpose: &str) -> anyhow::Result<PathBuf> {
    if let Some(value) = std::env::var_os(variable) {
        // systemd separates several by colons; ours is the first.
        let text = value.to_string_lossy().into_owned();
        return Ok(PathBuf::from(text.split(':').next().unwrap_or_default()));
    }
    let uid = nix::unistd::getuid();
    let path = std::env::temp_dir()
        .join(format!("vigla-{uid}"))
        .join(purpose)
        .join(service.noun);
    private(&path).with_context(|| format!("make the folder `{}`", path.display()))?;
    Ok(path)
}

fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
