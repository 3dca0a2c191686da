//! What must not be in an image: keys, tokens, passwords, an identity, rights that somebody could use.
//!
//! Every image that is built here is looked at before it becomes a card. `cargo xtask image audit` does the same with
//! any root tree, such as that of a Yocto build; that build has the most of it in `vigla_slot.bbclass`.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::work;
use crate::say;

mod capability;
mod secrets;

pub(crate) use capability::capability;
pub(crate) use secrets::secret;

/// Set-user-id and set-group-id.
const GIVES_RIGHTS: u32 = 0o6000;
/// In a folder of this kind only the owner of a file removes it.
const STICKY: u32 = 0o1000;
const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_ALL: u32 = 0o002;
const READABLE_BY_ALL: u32 = 0o004;
/// Nobody but root may read these.
const SHUT: &[&str] = &["etc/shadow", "etc/gshadow"];
/// What makes one device differ from the other, or lets somebody in.
const IDENTITY: &[&str] = &[
    "etc/ssh/ssh_host_ecdsa_key",
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/ssh_host_rsa_key",
    "etc/vigla/ssh/authorized_keys",
    "root/.ssh/authorized_keys",
    "var/lib/systemd/random-seed",
];

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A card that was built here, or the folder of any root tree
    image: PathBuf,
}

/// Looks at the tree of an image that is there.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = if options.image.is_dir() {
        options.image.clone()
    } else {
        work(&options.image).join("root")
    };
    anyhow::ensure!(
        root.join("etc").is_dir(),
        "`{}` is no root tree: name a folder with `etc` in it, or a card that was built here",
        root.display()
    );
    let looked = check(&root)?;
    say::line(format_args!(
        "{looked} files and folders: no secret, no identity, no right to be had"
    ));
    Ok(())
}

/// Checks the tree below `root`; gives how much it looked at. Each finding is a line of the error.
pub(crate) fn check(root: &Path) -> anyhow::Result<usize> {
    let owner = fs::metadata(root)?.uid();
    let mut found = Vec::new();
    let entries = entries(root)?;
    for (path, meta) in &entries {
        let name = path.strip_prefix(root).unwrap_or(path);
        found.extend(rights(name, meta, owner));
        if meta.is_file() {
            let bytes = fs::read(path).with_context(|| format!("read `{}`", path.display()))?;
            let secret = secret(name, &bytes);
            found.extend(secret.map(|secret| format!("`{}` has `{secret}` in it", name.display())));
            let set = capability(path)?;
            found.extend(
                set.map(|set| format!("`{}` gives `{set}` to whoever starts it", name.display())),
            );
        }
    }
    found.extend(identity(root));
    anyhow::ensure!(
        found.is_empty(),
        "this must not be in an image:\n  {}",
        found.join("\n  ")
    );
    Ok(entries.len())
}

/// Everything below `root` but links, whose own rights nobody asks for.
fn entries(root: &Path) -> anyhow::Result<Vec<(PathBuf, Metadata)>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("list `{}`", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let meta = fs::symlink_metadata(&path)?;
            if meta.is_dir() {
                open.push(path.clone());
            }
            if !meta.is_symlink() {
                found.push((path, meta));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// What is wrong with mode, owner and kind.
fn rights(name: &Path, meta: &Metadata, owner: u32) -> Vec<String> {
    let (mode, kind) = (meta.permissions().mode(), meta.file_type());
    let program = name.starts_with("usr") || name.starts_with("boot");
    let special =
        kind.is_block_device() || kind.is_char_device() || kind.is_fifo() || kind.is_socket();
    let findings = [
        (
            mode & WRITABLE_BY_ALL != 0 && (!meta.is_dir() || mode & STICKY == 0),
            "can be written by everybody",
        ),
        (
            meta.is_file() && program && mode & WRITABLE_BY_GROUP != 0,
            "can be written by its group",
        ),
        (
            meta.is_file() && mode & GIVES_RIGHTS != 0,
            "gives rights to whoever starts it",
        ),
        (
            SHUT.iter().any(|shut| name == Path::new(shut)) && mode & READABLE_BY_ALL != 0,
            "can be read by everybody",
        ),
        (program && meta.uid() != owner, "is not root's"),
        (special, "is no file: devices are made by the kernel"),
    ];
    let wrong = findings.into_iter().filter(|(wrong, _)| *wrong);
    wrong
        .map(|(_, words)| format!("`{}` {words}", name.display()))
        .collect()
}

/// What makes one device differ from the other, and accounts that let somebody in.
fn identity(root: &Path) -> Vec<String> {
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
    let mut found = Vec::new();
    if !matches!(read("etc/machine-id").trim(), "" | "uninitialized") {
        found.push("`etc/machine-id` is not empty".to_owned());
    }
    // `*` is no password either, and is not locked to sshd: root's, for the owner's key.
    let locked = |secret: &str| secret.starts_with('!') || secret == "*";
    let lines = read("etc/shadow");
    let accounts = lines.lines().filter_map(|line| line.split_once(':'));
    let open = accounts.filter(|(_, rest)| !locked(rest.split(':').next().unwrap_or_default()));
    found.extend(open.map(|(name, _)| format!("user `{name}` is not locked in `etc/shadow`")));
    let there = IDENTITY.iter().filter(|name| root.join(name).exists());
    found.extend(there.map(|name| format!("`{name}` is there")));
    found
}

#[cfg(test)]
mod tests;
