//! What a build leaves beside the card: compressed card and its block map, list of packages, sizes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::cross::Programs;
use super::k3s::K3s;
use super::lock::Pin;
use super::tools::Tools;
use super::tree::{Tree, files_below};
use crate::process;

/// `vigla.img` becomes `vigla.img.zst` and `vigla.img.bmap`; the card itself stays.
pub(crate) fn pack(tools: &Tools, card: &Path) -> anyhow::Result<[PathBuf; 2]> {
    let beside = |extension: &str| PathBuf::from(format!("{}.{extension}", card.display()));
    let (packed, map) = (beside("zst"), beside("bmap"));
    let mut bmap = tools.command("bmaptool");
    bmap.args(["--quiet", "create", "--output"])
        .arg(&map)
        .arg(card);
    process::output(&mut bmap)?;
    let mut zstd = tools.command("zstd");
    zstd.args(["--quiet", "--force", "-T2", "-12", "-o"])
        .arg(&packed)
        .arg(card);
    process::must("compress the card", &mut zstd)?;
    Ok([packed, map])
}

/// The packages with versions, one per line, for people and for `diff`.
pub(crate) fn manifest(pins: &[Pin], replaced: &[Pin], missed: usize, k3s: Option<&K3s>) -> String {
    let mut text = String::new();
    for pin in pins {
        let now = replaced.iter().find(|newer| newer.name == pin.name);
        let _ = match now {
            Some(newer) => writeln!(text, "{} {} unpinned", newer.name, newer.version),
            None => writeln!(text, "{} {}", pin.name, pin.version),
        };
    }
    if missed > 0 {
        let _ = writeln!(
            text,
            "# unpinned: {missed} build tools differ from the lock"
        );
    }
    let _ = match k3s {
        Some(K3s { sha256 }) => writeln!(text, "k3s sha256:{sha256} given"),
        None => writeln!(text, "# no K3s: give one with `--k3s FILE`"),
    };
    text
}

/// Sizes in bytes: of our programs, of the tree by folder, of what is shipped.
pub(crate) fn sizes(
    file: &Path,
    tree: &Tree<'_>,
    programs: &Programs,
    shipped: &[PathBuf],
) -> anyhow::Result<u64> {
    let length = |path: &Path| fs::metadata(path).map(|meta| meta.len());
    let mut ours = serde_json::Map::new();
    for name in &programs.names {
        ours.insert(
            name.clone(),
            json!(length(&tree.root.join(super::tree::program(name)))?),
        );
    }
    let mut folders = std::collections::BTreeMap::<String, u64>::new();
    for path in files_below(&tree.root)? {
        let inside = path.strip_prefix(&tree.root)?;
        let folder = inside.iter().take(3).map(|part| part.to_string_lossy());
        let folder = folder.collect::<Vec<_>>().join("/");
        *folders.entry(folder).or_default() += length(&path)?;
    }
    let whole: u64 = folders.values().sum();
    folders.retain(|_, size| *size >= 1 << 20);
    let mut files = serde_json::Map::new();
    for path in shipped {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files.insert(name.into_owned(), json!(length(path)?));
    }
    let total: u64 = ours.values().filter_map(serde_json::Value::as_u64).sum();
    let report = json!({
        "unit": "bytes", "tree": whole, "folders_from_1_MiB": folders,
        "programs": ours, "programs_total": total, "files": files,
    });
    super::put(file, serde_json::to_string_pretty(&report)? + "\n")?;
    Ok(whole)
}
