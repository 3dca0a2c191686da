//! Files that have grown: a report, not a verdict. Size is a signal to look again.

use std::fs;
use std::path::{Path, PathBuf};

use super::Verdict;
use crate::{places, say};

/// Lines from which a source file deserves a second look.
const LOOK_AGAIN: usize = 250;

pub(super) fn check() -> anyhow::Result<Verdict> {
    let mut files = Vec::new();
    for folder in ["services", "ci", "tests"] {
        collect(&places::repository().join(folder), &mut files)?;
    }
    let mut sizes: Vec<_> = files
        .iter()
        .map(|file| {
            (
                fs::read_to_string(file).unwrap_or_default().lines().count(),
                file,
            )
        })
        .collect();
    sizes.sort();
    let middle = sizes.get(sizes.len() / 2).map_or(0, |(lines, _)| *lines);
    let long: Vec<_> = sizes
        .iter()
        .rev()
        .take_while(|(lines, _)| *lines > LOOK_AGAIN)
        .collect();
    for (lines, file) in &long {
        let file = file.strip_prefix(places::repository()).unwrap_or(file);
        say::line(format_args!(
            "             {lines:>4} lines: {}",
            file.display()
        ));
    }
    let (count, long) = (sizes.len(), long.len());
    Ok(Verdict::Good(format!(
        "{count} files, half under {middle} lines, {long} over {LOOK_AGAIN}"
    )))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
