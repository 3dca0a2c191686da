//! The daemons of this repository, as their `dist/` trees tell.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::places;

/// One daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// The noun of its folder.
    pub(crate) noun: String,
    /// `services/<noun>/dist`.
    pub(crate) tree: PathBuf,
}

impl Daemon {
    /// Its bus name: the folder's noun as the policy file spells it (`org.vigla.Camera1`).
    pub(crate) fn policy(&self) -> anyhow::Result<(String, PathBuf)> {
        let folder = self.tree.join("usr/share/dbus-1/system.d");
        let mut files = std::fs::read_dir(&folder)
            .with_context(|| {
                format!(
                    "`vigla-{}` has no bus policy in `{}`",
                    self.noun,
                    folder.display()
                )
            })?
            .filter_map(|entry| Some(entry.ok()?.path()));
        let file = files
            .next()
            .with_context(|| format!("`{}` is empty", folder.display()))?;
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok((name, file))
    }

    /// A file of its tree, which must exist.
    pub(crate) fn file(&self, path: &str) -> anyhow::Result<PathBuf> {
        let file = self.tree.join(path);
        anyhow::ensure!(
            file.is_file(),
            "`vigla-{}` lacks `{}`",
            self.noun,
            file.display()
        );
        Ok(file)
    }
}

/// Every folder of `services/` with a `dist/` tree that has a bus policy, sorted.
pub(crate) fn daemons() -> anyhow::Result<Vec<Daemon>> {
    let mut all = trees()?;
    all.retain(|tree| tree.tree.join("usr/share/dbus-1/system.d").is_dir());
    Ok(all)
}

/// Every folder of `services/` with a `dist/` tree, sorted: the daemons, and what root does for them.
pub(crate) fn trees() -> anyhow::Result<Vec<Daemon>> {
    let services = places::repository().join("services");
    let entries =
        std::fs::read_dir(&services).with_context(|| format!("list `{}`", services.display()))?;
    let mut daemons: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let noun = entry.file_name().to_string_lossy().into_owned();
            let tree = entry.path().join("dist");
            tree.is_dir().then_some(Daemon { noun, tree })
        })
        .collect();
    daemons.sort_by(|a, b| a.noun.cmp(&b.noun));
    Ok(daemons)
}
