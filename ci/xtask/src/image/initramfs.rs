//! The initial RAM disk: a static shell, the modules between the kernel and the slot, and
//! `image/initramfs/init`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::tools::Tools;
use super::tree::Tree;
use crate::{places, process};

/// Packs it and puts it beside the kernel in `tree`.
pub(crate) fn make(
    tree: &Tree<'_>,
    unpacked: &Path,
    version: &str,
    tools: &Tools,
    epoch: u64,
) -> anyhow::Result<()> {
    let folder = tree.root.with_extension("initramfs");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for part in ["bin", "modules", "proc", "sys", "dev", "run"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let policy = places::repository().join("image/initramfs");
    install(
        &unpacked.join("usr/bin/busybox"),
        &folder.join("bin/busybox"),
    )?;
    install(&policy.join("init"), &folder.join("init"))?;
    let modules = unpacked.join("usr/lib/modules").join(version);
    let wanted = fs::read_to_string(policy.join("modules.txt"))?;
    let dependencies = fs::read_to_string(
        tree.root
            .join(format!("usr/lib/modules/{version}/modules.dep")),
    )
    .context("read what depmod wrote")?;
    let mut list = String::new();
    for file in closure(&wanted, &dependencies) {
        let name = module_name(&file) + ".ko";
        let target = folder.join("modules").join(&name);
        let mut unpack = tools.command("sh");
        unpack.args(["-c", "xz --decompress --stdout \"$0\" > \"$1\""]);
        process::must(
            "unpack a module",
            unpack.arg(modules.join(&file)).arg(&target),
        )?;
        list.push_str(&name);
        list.push('\n');
    }
    super::put(folder.join("modules.list"), list)?;
    let mut pack = tools.command("sh");
    pack.args(["-c", PACK]).arg(&folder).arg(epoch.to_string());
    pack.arg(tree.root.join("boot/initrd"));
    process::must("pack the initial RAM disk", &mut pack)
}

/// `$0` the folder, `$1` the time, `$2` the result.
const PACK: &str = "set -e; cd \"$0\"; find . -exec touch --no-dereference --date=@$1 {} +\n\
    find . -mindepth 1 | sort | cpio --create --format=newc --reproducible --owner=0:0 --quiet | zstd -19 --quiet --force -o \"$2\"";

fn install(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).with_context(|| format!("copy `{}`", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// `kernel/fs/ext4/ext4.ko.xz` is the module `ext4`; dashes and underscores are one.
fn module_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split(".ko").next().unwrap_or(name).replace('-', "_")
}

/// The files of the wanted modules in the order of loading; what is built in has no file.
fn closure(wanted: &str, dependencies: &str) -> Vec<String> {
    let table: BTreeMap<String, (String, Vec<String>)> = dependencies
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(file, needs)| {
            let needs = needs.split_whitespace().rev().map(str::to_owned).collect();
            (module_name(file), (file.to_owned(), needs))
        })
        .collect();
    let names = wanted
        .lines()
        .map(|line| {
            line.split('#')
                .next()
                .unwrap_or_default()
                .trim()
                .replace('-', "_")
        })
        .filter(|name| !name.is_empty());
    let mut order = Vec::new();
    for name in names {
        let Some((file, needs)) = table.get(&name) else {
            continue;
        };
        // depmod lists all that is needed, the deepest last.
        for file in needs.iter().chain([file]) {
            if !order.contains(file) {
                order.push(file.clone());
            }
        }
    }
    order
}

/// The one kernel version below `unpacked`.
pub(crate) fn kernel_version(unpacked: &Path) -> anyhow::Result<String> {
    let folder: PathBuf = unpacked.join("usr/lib/modules");
    let mut names = fs::read_dir(&folder)
        .with_context(|| format!("list `{}`", folder.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names
        .next()
        .context("the kernel's package has no modules")?;
    anyhow::ensure!(
        names.next().is_none(),
        "more than one kernel in `{}`",
        folder.display()
    );
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_after_what_they_need() {
        let dep = "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz\nkernel/fs/jbd2/jbd2.ko.xz:\nkernel/x/a-b.ko.xz:\n";
        let order = closure("ext4 # root\na_b\nbuilt-in\n", dep);
        let names: Vec<_> = order.iter().map(|file| module_name(file)).collect();
        assert_eq!(names, ["crc16", "jbd2", "ext4", "a_b"]);
    }
}
