//! The root tree of a slot: Debian's packages, our `dist/` trees and what their maintainer scripts
//! would have done, all of it natively and without running one of them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::cross::Programs;
use super::machine::Machine;
use super::tools::{BUILT, Tools};
use crate::{dist, fetch, places, process};

/// Removes what the patterns on standard input name below `$0`.
const DROP: &str = "cd \"$0\"; while read -r pattern; do\n\
    case $pattern in ''|'#'*) continue;; esac; rm --recursive --force -- $pattern; done";

/// Folders that packages expect and none brings.
const FOLDERS: &[&str] = &[
    "boot",
    "boot/firmware",
    "data",
    "dev",
    "etc/ssl/certs",
    "media",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "srv",
    "sys",
    "tmp",
    "usr/libexec/vigla",
    "usr/share/vigla/models",
    "var",
];

/// Links that alternatives would have made.
const LINKS: &[(&str, &str)] = &[
    ("usr/bin/awk", "mawk"),
    ("etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf"),
    (
        "etc/systemd/system/default.target",
        "/usr/lib/systemd/system/multi-user.target",
    ),
    ("etc/mtab", "../proc/self/mounts"),
    // On which channels a radio may send, by country.
    ("usr/lib/firmware/regulatory.db", "regulatory.db-debian"),
    (
        "usr/lib/firmware/regulatory.db.p7s",
        "regulatory.db.p7s-debian",
    ),
];

/// Units that cannot start from a slot that is read only, or that did their work at build time.
pub(crate) const MASKED: &[&str] = &[
    "ldconfig.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-sysusers.service",
    "systemd-firstboot.service",
    "systemd-remount-fs.service",
    // Nothing here waits for a network.
    "systemd-networkd-wait-online.service",
    "systemd-update-done.service",
    "e2scrub_reap.service",
    "e2scrub_all.timer",
    "fstrim.timer",
    "dpkg-db-backup.timer",
    "ssh.socket",
];

/// Generators that would start what the presets leave out; the one for GPT makes the slot writable.
pub(crate) const SILENCED: &[&str] = &[
    "systemd-getty-generator",
    "systemd-ssh-generator",
    "systemd-gpt-auto-generator",
];

/// A tree being made.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) root: PathBuf,
    tools: &'a Tools,
}

impl<'a> Tree<'a> {
    /// Unpacks `packages`, in their order, into the new folder `root`.
    pub(crate) fn unpack(
        root: &Path,
        packages: &[PathBuf],
        tools: &'a Tools,
    ) -> anyhow::Result<Self> {
        if root.exists() {
            fs::remove_dir_all(root).with_context(|| format!("remove `{}`", root.display()))?;
        }
        fs::create_dir_all(root)?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        for package in packages {
            extract(package, root)?;
        }
        let root = root.to_owned();
        Ok(Self { root, tools })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// What maintainer scripts do, for a root that is never changed again.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        self.drop()?;
        for folder in FOLDERS {
            fs::create_dir_all(self.at(folder))?;
        }
        fs::set_permissions(self.at("tmp"), fs::Permissions::from_mode(0o1777))?;
        fs::set_permissions(self.at("root"), fs::Permissions::from_mode(0o700))?;
        for master in ["passwd", "group"] {
            let from = self.at(&format!("usr/share/base-passwd/{master}.master"));
            // The masters have `*` where a shadow file is to be looked at.
            let text = fs::read_to_string(&from)?.replace(":*:", ":x:");
            super::put(self.at(&format!("etc/{master}")), text)?;
        }
        fs::copy(
            self.at("usr/share/libc-bin/nsswitch.conf"),
            self.at("etc/nsswitch.conf"),
        )?;
        super::put(self.at("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        super::put(self.at("etc/hostname"), "vigla\n")?;
        super::put(self.at("etc/fstab"), "")?;
        // Empty, not absent: absent would be a first boot to systemd, with its questions.
        super::put(self.at("etc/machine-id"), "")?;
        for (link, target) in LINKS {
            let link = self.at(link);
            let _ = fs::remove_file(&link);
            symlink(target, &link).with_context(|| format!("link `{}`", link.display()))?;
        }
        self.authorities()
    }

    /// Takes out what `image/twin/drop.txt` names.
    fn drop(&self) -> anyhow::Result<()> {
        let list = fs::File::open(places::repository().join("image/twin/drop.txt"))?;
        let mut bash = self.tools.command("bash");
        bash.args(["-O", "extglob", "-O", "nullglob", "-c", DROP]);
        process::must(
            "take out what is not needed",
            bash.arg(&self.root).stdin(list),
        )
    }

    /// The certificates of the world's authorities in one file, as update-ca-certificates does.
    fn authorities(&self) -> anyhow::Result<()> {
        let mut bundle = String::new();
        for file in files_below(&self.at("usr/share/ca-certificates"))? {
            bundle.push_str(&fs::read_to_string(&file)?);
        }
        anyhow::ensure!(!bundle.is_empty(), "the package ca-certificates is empty");
        super::put(self.at("etc/ssl/certs/ca-certificates.crt"), bundle)?;
        Ok(())
    }

    /// Our own: `image/root`, every `dist/` tree, the programs, the models, the inference library.
    pub(crate) fn dress(&self, programs: &Programs) -> anyhow::Result<()> {
        self.lay("image/root")?;
        for daemon in dist::trees()? {
            copy(&daemon.tree, &self.root)?;
        }
        for name in &programs.names {
            let target = self.at(&program(name));
            let mut strip = self.tools.command("aarch64-linux-gnu-strip");
            strip
                .arg("--strip-all")
                .arg("-o")
                .arg(&target)
                .arg(programs.folder.join(name));
            process::must("strip", &mut strip)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
        }
        copy(
            &places::repository().join("services/detector/models"),
            &self.at("usr/share/vigla/models"),
        )?;
        let library = fetch::get(&fetch::DEVICE_RUNTIME)?
            .context("an image needs ONNX Runtime for aarch64, and it is not to be had")?;
        fs::copy(library, self.at("usr/lib/vigla/libonnxruntime.so.1.27.0"))?;
        Ok(())
    }

    /// A program that was compiled for the root.
    pub(crate) fn add(&self, program: &Path, place: &str) -> anyhow::Result<()> {
        let target = self.at(place);
        fs::copy(program, &target).with_context(|| format!("copy `{}`", program.display()))?;
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    /// What this root says of itself: to people, to RAUC, to `fw_setenv`.
    pub(crate) fn identify(&self, machine: Machine, version: &str) -> anyhow::Result<()> {
        super::put(self.at("usr/lib/os-release"), release(machine, version))?;
        let policy = |name: &str| places::repository().join("image").join(name);
        let text = fs::read_to_string(policy("rauc/system.conf"))?;
        fs::create_dir_all(self.at("etc/rauc"))?;
        super::put(
            self.at("etc/rauc/system.conf"),
            text.replace("{compatible}", &machine.compatible()),
        )?;
        fs::copy(policy("boot/fw_env.config"), self.at("etc/fw_env.config"))?;
        super::put(self.at("etc/nftables.conf"), super::firewall::rules()?)?;
        // systemd takes its time for the earliest possible one: never before this commit.
        super::put(self.at("usr/lib/clock-epoch"), "")?;
        Ok(())
    }

    /// Another folder of the repository over the tree.
    pub(crate) fn lay(&self, folder: &str) -> anyhow::Result<()> {
        copy(&places::repository().join(folder), &self.root)
    }

    /// Firmware that the kernel asks for on `machine`, from the packages unpacked `below`.
    pub(crate) fn firmware(&self, machine: Machine, below: &Path) -> anyhow::Result<()> {
        for pattern in machine.firmware() {
            let mut copy = self.tools.command("sh");
            copy.args([
                "-c",
                "cd \"$0/usr/lib/firmware\" && mkdir -p \"$1\" && cp -a --parents $2 \"$1\"",
            ]);
            copy.arg(below)
                .arg(self.at("usr/lib/firmware"))
                .arg(pattern);
            process::must("copy firmware", &mut copy)?;
        }
        Ok(())
    }

    /// Kernel and its modules.
    pub(crate) fn kernel(&self, unpacked: &Path, version: &str) -> anyhow::Result<()> {
        fs::copy(
            unpacked.join(format!("boot/vmlinuz-{version}")),
            self.at("boot/vmlinuz"),
        )?;
        let modules = format!("usr/lib/modules/{version}");
        fs::create_dir_all(self.at("usr/lib/modules"))?;
        let mut copy = Command::new("cp");
        copy.arg("-a")
            .arg(unpacked.join(&modules))
            .arg(self.at("usr/lib/modules/"));
        process::must("copy the kernel's modules", &mut copy)?;
        self.drop()?;
        let mut depmod = self.tools.command("depmod");
        depmod.arg("-b").arg(&self.root).arg(version);
        process::must("depmod", &mut depmod)
    }

    /// Users, presets, and the databases that a first boot would spend its time on.
    pub(crate) fn bake(&self) -> anyhow::Result<()> {
        let steps: [(&str, &[&str]); 4] = [
            ("systemd-sysusers", &[]),
            ("systemctl", &["--quiet", "preset-all"]),
            ("systemd-hwdb", &["update", "--usr"]),
            ("journalctl", &["--update-catalog"]),
        ];
        for (program, arguments) in steps {
            // Under one name in every clone: the database of hardware keeps the names of its sources.
            let mut tool = self.tools.alike(program, &self.root)?;
            tool.arg(format!("--root={BUILT}")).args(arguments);
            process::must(program, &mut tool)?;
        }
        // Compiled by now.
        fs::remove_dir_all(self.at("usr/lib/udev/hwdb.d"))?;
        for unit in MASKED {
            let link = self.at("etc/systemd/system").join(unit);
            let _ = fs::remove_file(&link);
            symlink("/dev/null", &link).with_context(|| format!("mask `{unit}`"))?;
        }
        fs::create_dir_all(self.at("etc/systemd/system-generators"))?;
        for generator in SILENCED {
            let link = self.at("etc/systemd/system-generators").join(generator);
            symlink("/dev/null", &link).with_context(|| format!("silence `{generator}`"))?;
        }
        self.lock_passwords()?;
        // The catalogue is a state file to systemd, and /var is memory here.
        for name in [
            "passwd-",
            "group-",
            "shadow-",
            "gshadow-",
            ".pwd.lock",
            ".updated",
        ] {
            let _ = fs::remove_file(self.at("etc").join(name));
        }
        Ok(())
    }

    /// Nobody has a password. To sshd `!` is a locked user, whom a key does not let in either: root has
    /// only the `*` that no password matches.
    fn lock_passwords(&self) -> anyhow::Result<()> {
        for (names, secrets, rest) in [
            ("etc/passwd", "etc/shadow", ":!*:::::::"),
            ("etc/group", "etc/gshadow", ":!*::"),
        ] {
            let text = fs::read_to_string(self.at(names))?;
            let locked = text.lines().filter_map(|line| line.split(':').next()).fold(
                String::new(),
                |text, name| {
                    let rest = if name == "root" {
                        &rest.replace('!', "")
                    } else {
                        rest
                    };
                    text + name + rest + "\n"
                },
            );
            super::put(self.at(secrets), locked)?;
            fs::set_permissions(self.at(secrets), fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }

    /// No program gives rights to whoever starts it: here nobody but root needs any.
    pub(crate) fn disarm(&self) -> anyhow::Result<()> {
        let mut find = Command::new("find");
        find.arg(&self.root).args(["-type", "f", "-perm", "/6000"]);
        find.args(["-exec", "chmod", "a-s", "{}", "+"]);
        process::must("take away set-user-id", &mut find)
    }

    /// One time for all: `find` is the one who knows symbolic links.
    pub(crate) fn stamp(&self, epoch: u64) -> anyhow::Result<()> {
        let mut find = Command::new("find");
        find.arg(&self.root)
            .args(["-exec", "touch", "--no-dereference"]);
        find.arg(format!("--date=@{epoch}")).args(["{}", "+"]);
        process::must("set all times", &mut find)
    }
}

/// What `/usr/lib/os-release` says.
pub(crate) fn release(machine: Machine, version: &str) -> String {
    format!(
        "NAME=Vigla\nID=vigla\nID_LIKE=debian\nPRETTY_NAME=\"Vigla {version}\"\nVERSION_ID={version}\nVIGLA_MACHINE={}\n",
        machine.name()
    )
}

/// Where a program of ours lies in the tree.
pub(crate) fn program(name: &str) -> String {
    let folder = if name == "viglactl" {
        "usr/bin"
    } else {
        "usr/libexec/vigla"
    };
    format!("{folder}/{name}")
}

/// Unpacks one Debian package.
pub(crate) fn extract(package: &Path, root: &Path) -> anyhow::Result<()> {
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(package).arg(root);
    process::must("unpack a package", &mut unpack)
}

/// Copies what is below `from`, as files of root.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("cp");
    copy.args(["-R", "--no-preserve=all", "--no-dereference"]);
    copy.arg(from.join(".")).arg(to);
    process::must("copy into the tree", &mut copy)
}

/// Every regular file below `folder`, sorted.
pub(crate) fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("list `{}`", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
