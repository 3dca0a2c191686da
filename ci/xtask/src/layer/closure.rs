//! Which recipes of other layers the image needs, for all boards together. BitBake parses only these: half a minute
//! instead of several. The list is committed, so that a recipe which is suddenly needed is seen as one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::bitbake::BitBake;
use super::{Machine, TARGETS};
use crate::image::put;
use crate::places;
use crate::say::Step;

fn file() -> PathBuf {
    places::repository().join("ci/xtask/src/layer/closure.txt")
}

/// In no graph: what another distro takes in the place of ours, and what is named by tasks that nobody runs here (the
/// tests of the compiler).
const ALWAYS: &[&str] = &[
    "meta-raspberrypi/recipes-bsp/rpi-u-boot-scr/rpi-u-boot-scr.bb",
    "openembedded-core/meta/recipes-devtools/dejagnu/dejagnu_1.6.3.bb",
    "openembedded-core/meta/recipes-devtools/expect/expect_5.45.4.bb",
    "openembedded-core/meta/recipes-devtools/tcltk/tcl_9.0.3.bb",
    "openembedded-core/meta/recipes-devtools/tcltk8/tcl8_8.6.17.bb",
];

/// The recipes and appends of other layers that are needed, as paths below the layers.
pub(crate) fn needed() -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(file()).context("read the list of needed recipes")?;
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(ToOwned::to_owned).collect())
}

/// What makes BitBake leave out every other recipe of another layer; what ours appends to stays.
pub(crate) fn mask() -> anyhow::Result<String> {
    Ok(render(needed()?.iter().map(String::as_str)))
}

/// A regular expression that matches the recipes of other layers which are not in `needed`.
fn render<'a>(needed: impl Iterator<Item = &'a str>) -> String {
    let mut either = String::new();
    for path in needed {
        // BBMASK splits at blanks, and knows neither `+` nor `%` as letters.
        let path = path.replace(['+', '%', '.'], ".");
        let _ = write!(either, "{}{path}", if either.is_empty() { "" } else { "|" });
    }
    format!("BBMASK += \"/layers-[0-9a-f]+/(?!(?:{either})$)\"\n")
}

/// Parts of other layers that no node needs, to halve the minutes of asking.
const COARSE: &str = "BBMASK += \"/meta-oe/recipes-(benchmark|bsp|crypto|dbs|gnome|graphics|kernel|multimedia|navigation|printing|security|shells|sota|test)/ /meta-networking/recipes-(daemons|irc|kernel|netkit)/ /meta-python/recipes- /meta-filesystems/ /meta-oe/dynamic-layers /meta-networking/dynamic-layers /dynamic-layers/multimedia /meta/recipes-(rt|sato)/\"\n";

/// Asks BitBake with nearly everything before it, and writes the list.
pub(crate) fn write(layers: &Path, machines: &[Machine]) -> anyhow::Result<()> {
    let mut needed = BTreeSet::new();
    for machine in machines {
        let step = Step::start("closure");
        step.begin(format_args!(
            "asking with all recipes, for {}",
            machine.name()
        ));
        let bitbake = BitBake::with_mask(layers, *machine, COARSE)?;
        let graph = bitbake.resolve(&TARGETS)?;
        let recipes = graph.recipes.iter();
        let theirs: Vec<_> = recipes
            .filter_map(|path| path.strip_prefix(layers).ok())
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        step.end(format_args!("{} recipes of others", theirs.len()));
        needed.extend(theirs);
    }
    let appends = appends(layers, &needed)?;
    needed.extend(appends);
    needed.extend(ALWAYS.iter().map(ToString::to_string));
    let mut text = String::from(
        "# Recipes of other layers that the image needs, and what is appended to them; written by\n# `cargo xtask layer --full --closure`.\n",
    );
    for path in needed {
        let _ = writeln!(text, "{path}");
    }
    put(file(), text)
}

/// The appends of other layers whose recipe is needed: those of masked recipes would dangle.
fn appends(layers: &Path, needed: &BTreeSet<String>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for layer in super::upstream::LAYERS {
        for path in crate::image::files_below(&layers.join(layer))? {
            if path
                .extension()
                .is_none_or(|extension| extension != "bbappend")
            {
                continue;
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let matches = needed.iter().any(|recipe| {
                let recipe = recipe.rsplit('/').next().unwrap_or_default();
                let recipe = recipe.strip_suffix(".bb").unwrap_or_default();
                applies(&name, recipe)
            });
            if matches {
                let inside = path.strip_prefix(layers)?;
                found.push(inside.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}

/// Whether an append of this name is one to `recipe`: `%` stands for the rest.
fn applies(append: &str, recipe: &str) -> bool {
    match append.split_once('%') {
        Some((start, _)) => recipe.starts_with(start),
        None => append == recipe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_finds_its_recipe() {
        assert!(applies("linux-yocto_%", "linux-yocto_6.18"));
        assert!(applies("busybox_1.37", "busybox_1.37"));
        assert!(!applies("busybox_%", "bus_1.0"));
    }

    #[test]
    fn the_mask_is_one_expression_without_blanks() {
        let text = render(["a/b_1.0+git.bb"].into_iter());
        assert!(text.contains("(?:a/b_1.0.git.bb)$"), "{text}");
        assert_eq!(text.matches(' ').count(), 2, "{text}");
    }
}
