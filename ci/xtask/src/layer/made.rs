//! Files of the layer that are made of facts which stand elsewhere in the repository. `--write` makes
//! them; every other run compares, so that no second copy of a fact grows old.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::folder;
use crate::{image, process};

mod card;
pub(crate) mod crates;
mod files;
pub(crate) mod users;

pub(crate) use files::{ELSEWHERE, below};

/// A file of the layer and what should be in it.
#[derive(Debug)]
pub(crate) struct Made {
    /// Below the layer.
    pub(crate) path: &'static str,
    pub(crate) text: String,
}

/// All of them.
pub(crate) fn all() -> anyhow::Result<Vec<Made>> {
    let made = |path, text| Made { path, text };
    Ok(vec![
        made(
            "recipes-vigla/services/vigla-services-crates.inc",
            crates::include()?,
        ),
        made(
            "recipes-vigla/services/vigla-services-packages.inc",
            files::services()?,
        ),
        made(
            "recipes-vigla/policy/vigla-policy-files.inc",
            files::policy()?,
        ),
        made(
            "recipes-vigla/policy/files/nftables.conf",
            image::firewall()?,
        ),
        made("files/vigla-passwd", users::passwd()?),
        made("files/vigla-group", users::group()?),
        made("files/wic/vigla-ab.wks.in", card::kickstart()?),
    ])
}

/// Makes them anew; gives those that changed.
pub(crate) fn write() -> anyhow::Result<Vec<&'static str>> {
    let mut changed = Vec::new();
    for made in all()? {
        let file = folder().join(made.path);
        if fs::read_to_string(&file).is_ok_and(|there| there == made.text) {
            continue;
        }
        fs::create_dir_all(file.parent().context("a file in a folder")?)?;
        image::put(&file, &made.text)?;
        changed.push(made.path);
    }
    Ok(changed)
}

/// Looks whether they are what they should be.
pub(crate) fn check() -> anyhow::Result<usize> {
    let all = all()?;
    let stale: Vec<_> = all
        .iter()
        .filter_map(|made| {
            let there = fs::read_to_string(folder().join(made.path)).unwrap_or_default();
            let line = first_difference(&there, &made.text)?;
            Some(format!("`yocto-layer/{}` {line}", made.path))
        })
        .collect();
    anyhow::ensure!(
        stale.is_empty(),
        "made of other files and no longer what they say; run `cargo xtask layer --write`:\n  {}",
        stale.join("\n  ")
    );
    Ok(all.len())
}

/// In words; `None` where both are the same.
pub(crate) fn first_difference(there: &str, wanted: &str) -> Option<String> {
    if there == wanted {
        return None;
    }
    let (mut old, mut new) = (there.lines(), wanted.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (old.next(), new.next()) {
            (Some(old), Some(new)) if old == new => {}
            (_, Some(new)) => return Some(format!("lacks in line {number}: `{}`", new.trim())),
            (Some(old), None) => return Some(format!("has too much in line {number}: `{old}`")),
            (None, None) => return Some("ends otherwise".to_owned()),
        }
    }
}

/// The files that git knows below `folders` of the repository, as paths from its root.
pub(crate) fn tracked(folders: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut git = std::process::Command::new("git");
    git.current_dir(crate::places::repository());
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ]);
    let text = process::output(git.args(folders)).context("ask git what there is")?;
    let mut paths: Vec<_> = text
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
    paths.sort();
    Ok(paths)
}

/// `NAME = " \ ... "`, a word per line.
pub(crate) fn list(name: &str, operator: &str, words: &[String]) -> String {
    if words.is_empty() {
        return format!("{name} {operator} \"\"\n");
    }
    let mut lines = String::new();
    for word in words {
        let _ = writeln!(lines, "    {word} \\");
    }
    format!("{name} {operator} \"\\\n{lines}\"\n")
}
