//! The card: a slot's file system, the FAT partition and both in one GPT disk, as
//! `image/partitions.toml` says. Every number in it is fixed, so that two builds give the same bits.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use super::machine::Machine;
use super::tools::Tools;
use crate::{places, process};

/// One row of `image/partitions.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Partition {
    pub(crate) label: String,
    /// In MiB.
    pub(crate) size: u64,
    /// GPT type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// For people.
    pub(crate) what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    partition: Vec<Partition>,
}

/// The rows, in the order on the card.
pub(crate) fn partitions() -> anyhow::Result<Vec<Partition>> {
    let path = places::repository().join("image/partitions.toml");
    let text = fs::read_to_string(&path)?;
    let table: Table = toml::from_str(&text).with_context(|| format!("in `{}`", path.display()))?;
    Ok(table.partition)
}

/// A UUID that is the same in every build: its last part numbers what it is for.
fn uuid(number: usize) -> String {
    format!("76696761-2d69-6d61-8765-{number:012x}")
}

/// Makes the parts of a card, and the card.
#[derive(Debug)]
pub(crate) struct Disk<'a> {
    pub(crate) folder: PathBuf,
    pub(crate) tools: &'a Tools,
    pub(crate) epoch: u64,
}

impl Disk<'_> {
    fn size(label: &str) -> anyhow::Result<u64> {
        let rows = partitions()?;
        let row = rows.into_iter().find(|row| row.label == label);
        Ok(row.with_context(|| format!("no partition `{label}`"))?.size)
    }

    fn ext4(
        &self,
        name: &str,
        from: Option<&Path>,
        number: usize,
        partition: &str,
    ) -> anyhow::Result<PathBuf> {
        let file = self.folder.join(name);
        let _ = fs::remove_file(&file);
        let mut mke2fs = self.tools.command("mke2fs");
        mke2fs.env("SOURCE_DATE_EPOCH", self.epoch.to_string());
        mke2fs.args([
            "-q",
            "-t",
            "ext4",
            "-m",
            "0",
            "-L",
            partition,
            "-U",
            &uuid(number),
        ]);
        // Whole from the start: a file system that initialises itself later writes to a slot.
        mke2fs.arg("-E").arg(format!(
            "hash_seed={},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0",
            uuid(number)
        ));
        if let Some(from) = from {
            // Without a journal: a slot is never written once it is there.
            mke2fs.args(["-O", "^has_journal", "-d"]).arg(from);
        }
        mke2fs
            .arg(&file)
            .arg(format!("{}M", Self::size(partition)?));
        process::must("mke2fs", &mut mke2fs)?;
        Ok(file)
    }

    /// The file system of a slot from its tree.
    pub(crate) fn slot(&self, tree: &Path) -> anyhow::Result<PathBuf> {
        self.ext4("root.ext4", Some(tree), 0x10, "root-a")
    }

    /// The FAT partition of `machine`, whose packages are unpacked `below`.
    pub(crate) fn boot(&self, machine: Machine, below: &Path) -> anyhow::Result<PathBuf> {
        let file = self.folder.join("boot.vfat");
        let _ = fs::remove_file(&file);
        let script = self.folder.join("boot.cmd");
        super::put(&script, machine.boot_script()?)?;
        let mut mkimage = self.tools.command("mkimage");
        mkimage.env("SOURCE_DATE_EPOCH", self.epoch.to_string());
        mkimage.args([
            "-q", "-A", "arm64", "-T", "script", "-C", "none", "-n", "vigla", "-d",
        ]);
        let compiled = self.folder.join("boot.scr");
        process::output(mkimage.arg(&script).arg(&compiled))?;
        fs::File::create(&file)?.set_len(Self::size("boot")? << 20)?;
        let mut mkfs = self.tools.command("mkfs.vfat");
        mkfs.args(["--invariant", "-F", "32", "-n", "VIGLA"])
            .arg(&file);
        process::output(&mut mkfs)?;
        let beside = self.folder.join("boot");
        let _ = fs::remove_dir_all(&beside);
        fs::create_dir_all(&beside)?;
        for part in machine.boot_files(&compiled, below)? {
            let name = part.file_name().context("a boot file's name")?;
            let from = beside.join(name);
            fs::copy(&part, &from).with_context(|| format!("copy `{}`", part.display()))?;
            let mut touch = std::process::Command::new("touch");
            touch.arg(format!("--date=@{}", self.epoch)).arg(&from);
            process::must("touch", &mut touch)?;
            let mut mcopy = self.tools.command("mcopy");
            mcopy
                .env("SOURCE_DATE_EPOCH", self.epoch.to_string())
                .env("TZ", "UTC");
            mcopy.args(["-m", "-i"]).arg(&file).arg(&from).arg("::");
            process::must("mcopy", &mut mcopy)?;
        }
        Ok(file)
    }

    /// The card with slot A filled; slot B is empty.
    pub(crate) fn card(&self, slot: &Path, boot: &Path, name: &str) -> anyhow::Result<PathBuf> {
        let data = self.ext4("data.ext4", None, 0x11, "data")?;
        let config = self.folder.join("genimage.cfg");
        super::put(&config, genimage(name, &partitions()?))?;
        let inputs = self.folder.join("inputs");
        let _ = fs::remove_dir_all(&inputs);
        fs::create_dir_all(&inputs)?;
        for (from, to) in [(slot, "root-a"), (boot, "boot"), (data.as_path(), "data")] {
            std::os::unix::fs::symlink(from, inputs.join(to))?;
        }
        let mut tool = self.tools.command("genimage");
        tool.arg("--config")
            .arg(&config)
            .arg("--inputpath")
            .arg(&inputs);
        tool.arg("--outputpath").arg(&self.folder);
        tool.arg("--tmppath").arg(self.folder.join("genimage.tmp"));
        tool.arg("--rootpath").arg(&inputs);
        process::output(&mut tool)?;
        Ok(self.folder.join(name))
    }
}

/// genimage's description of the card.
fn genimage(name: &str, rows: &[Partition]) -> String {
    let mut text = format!(
        "image {name} {{\n\thdimage {{\n\t\tpartition-table-type = gpt\n\t\tdisk-uuid = \"{}\"\n\t\talign = 1M\n\t}}\n",
        uuid(1)
    );
    for (number, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "\tpartition {} {{", row.label);
        if ["boot", "root-a", "data"].contains(&row.label.as_str()) {
            let _ = writeln!(text, "\t\timage = \"{}\"", row.label);
        }
        let _ = writeln!(text, "\t\tsize = {}M", row.size);
        let _ = writeln!(text, "\t\tpartition-type-uuid = \"{}\"", row.kind);
        let _ = writeln!(text, "\t\tpartition-uuid = \"{}\"\n\t}}", uuid(2 + number));
    }
    text.push_str("}\n");
    text
}
