//! The programs that build, sign and boot images: a Debian tree of their own in the user's cache.
//!
//! The host needs only mmdebstrap and unshare. A tool sees the repository, the target folder and
//! the cache under their own paths, and runs as the root of a user namespace when we are not root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use nix::unistd::geteuid;
use sha2::{Digest as _, Sha256};

use super::archive::{Archive, SUITE};
use super::lock::{self, Lock, Tool};
use crate::say::{self, Step};
use crate::{places, process};

/// `$0` is the tree, `$1` the folder to work in, `$2` how many folders to show follow, each as its own
/// path and that inside; then the command.
const ENTER: &str = "set -e\n\
    dir=$1 count=$2; shift 2\n\
    while [ $count -gt 0 ]; do mkdir -p \"$0$2\"; mount --rbind \"$1\" \"$0$2\"; shift 2; count=$((count - 1)); done\n\
    exec chroot \"$0\" /usr/bin/env -C \"$dir\" \"$@\"";

/// Where [`Tools::alike`] shows the repository, cargo's folder and what is built.
const SOURCES: &str = "/vigla";
const CRATES: &str = "/cargo";
pub(super) const BUILT: &str = "/built";

/// The tree.
#[derive(Debug)]
pub(crate) struct Tools {
    root: PathBuf,
    shown: Vec<PathBuf>,
}

impl Tools {
    /// The tree for `lock`, made where it is missing. Needs the network the first time.
    pub(crate) fn open(lock: &Lock, archive: &Archive) -> anyhow::Result<Self> {
        let step = Step::start("tools");
        let list = lock::wanted("tools")?.names;
        let root = place(&list, lock)?;
        if root.exists() {
            step.end("cached");
        } else {
            step.begin(format_args!(
                "making the tree of build tools from Debian {SUITE}, 1.5 GB, once"
            ));
            make(&root, &list, lock, archive)?;
            step.end(root.display());
        }
        Self::over(root)
    }

    /// The tree of the lock, where an image was built before.
    pub(crate) fn existing() -> anyhow::Result<Self> {
        let root = place(&lock::wanted("tools")?.names, &lock::read()?)?;
        anyhow::ensure!(
            root.exists(),
            "the tree of build tools is missing; `cargo xtask image` makes it"
        );
        Self::over(root)
    }

    /// The programs of this machine, of whatever version.
    pub(crate) fn of_this_machine() -> Self {
        Self {
            root: "/".into(),
            shown: Vec::new(),
        }
    }

    /// The tree's name in the cache: another one for other tools.
    pub(crate) fn name(&self) -> String {
        let name = self.root.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn over(root: PathBuf) -> anyhow::Result<Self> {
        let shown = [
            "/dev".into(),
            "/proc".into(),
            "/sys".into(),
            places::repository().to_owned(),
            places::target(),
            places::cache()?,
            places::cargo_home()?,
        ];
        let shown = shown.into_iter().filter(|path| path.exists()).collect();
        Ok(Self { root, shown })
    }

    /// A tool as a command that runs at the repository's root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let own = |path: &'_ PathBuf| (path.clone(), path.clone());
        let shown: Vec<_> = self.shown.iter().map(own).collect();
        self.enter(places::repository(), &shown, program)
    }

    /// The same where every clone looks alike: the repository is at [`SOURCES`], cargo's folder at
    /// [`CRATES`], and `built` at [`BUILT`]. No path of this machine gets into what is compiled, and what
    /// one clone has compiled serves the next.
    pub(crate) fn alike(&self, program: &str, built: &Path) -> anyhow::Result<Command> {
        let system = ["/dev", "/proc", "/sys"].map(|path| (path.into(), path.into()));
        let ours = [
            (places::repository().to_owned(), SOURCES.into()),
            (places::cargo_home()?, CRATES.into()),
            (built.to_owned(), BUILT.into()),
        ];
        let shown = [system, ours].concat();
        let mut command = self.enter(Path::new(SOURCES), &shown, program);
        command
            .env("CARGO_HOME", CRATES)
            .env("CARGO_TARGET_DIR", BUILT);
        Ok(command)
    }

    fn enter(&self, folder: &Path, shown: &[(PathBuf, PathBuf)], program: &str) -> Command {
        if self.root == Path::new("/") {
            let mut command = Command::new(program);
            command.current_dir(folder);
            return command;
        }
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.args(["--user", "--map-root-user", "--map-auto"]);
        }
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER]);
        command
            .arg(&self.root)
            .arg(folder)
            .arg(shown.len().to_string());
        for (path, inside) in shown {
            command.args([path, inside]);
        }
        command.arg(program);
        command
            .env("PATH", "/usr/sbin:/usr/bin")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// What is installed in the tree.
    pub(crate) fn versions(&self) -> anyhow::Result<Vec<Tool>> {
        let wanted = lock::wanted("tools")?.names;
        let mut query = self.command("dpkg-query");
        query.args(["--show", "--showformat", "${Package} ${Version}\n"]);
        query.args(&wanted);
        let text = process::output(&mut query)?;
        let tools = text.lines().filter_map(|line| {
            let (name, version) = line.split_once(' ')?;
            let (name, version) = (name.to_owned(), version.to_owned());
            Some(Tool { name, version })
        });
        let mut tools: Vec<_> = tools.collect();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tools)
    }

    /// Says which tools are not those of the lock; gives how many.
    pub(crate) fn compare(&self, lock: &Lock) -> anyhow::Result<usize> {
        let mut missed = 0;
        for tool in self.versions()? {
            let pinned = lock.tools.iter().find(|pinned| pinned.name == tool.name);
            if let Some(pinned) = pinned.filter(|pinned| pinned.version != tool.version) {
                missed += 1;
                say::trouble(format_args!(
                    "  tools      pin missed: {} {} -> {}",
                    tool.name, pinned.version, tool.version
                ));
            }
        }
        Ok(missed)
    }
}

/// Where the tree of this lock is, or will be.
fn place(list: &[String], lock: &Lock) -> anyhow::Result<PathBuf> {
    let name = format!("tools-{}", &digest(list, lock)[..12]);
    Ok(places::cache()?.join("image").join(name))
}

/// What the tree is made of, as its name in the cache.
fn digest(list: &[String], lock: &Lock) -> String {
    let cross = lock.cross.iter().map(|pin| pin.sha256.as_str());
    let mut hash = Sha256::new();
    for word in list.iter().map(String::as_str).chain([SUITE]).chain(cross) {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    crate::fetch::hex(&hash.finalize())
}

fn make(root: &Path, list: &[String], lock: &Lock, archive: &Archive) -> anyhow::Result<()> {
    let (cross, _) = archive.fetch(&lock.cross)?;
    let partial = root.with_extension("partial");
    // Left behind by a run that was killed; it belongs to root where that one was root.
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove `{}`", partial.display()))?;
    }
    let mode = if geteuid().is_root() {
        "root"
    } else {
        "unshare"
    };
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap.arg(format!("--mode={mode}"));
    mmdebstrap
        .args(["--quiet", "--variant=apt", "--include"])
        .arg(list.join(","));
    mmdebstrap.args([
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Languages none",
    ]);
    for folder in ["doc", "man", "locale", "info"] {
        mmdebstrap.arg(format!("--dpkgopt=path-exclude=/usr/share/{folder}/*"));
    }
    mmdebstrap.arg(SUITE).arg(&partial);
    process::must("make the tree of build tools", &mut mmdebstrap)?;
    for package in cross {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(package).arg(&partial);
        process::must("unpack what the services are linked against", &mut unpack)?;
    }
    fs::rename(&partial, root).with_context(|| format!("make `{}`", root.display()))
}
