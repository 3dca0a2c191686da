//! Whether the layer leaves others alone, as yocto-check-layer asks it: under another distro every task of every recipe
//! that we append to, and of all that these need, has the same signature with our layer and without it.
//!
//! That tool asks the whole world of recipes, for a quarter of an hour. Ours can only change what it appends to, and
//! what classes and settings of it reach, which is all that is parsed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::bitbake::BitBake;
use super::{Machine, folder, text};

/// Asks twice and compares; gives the number of tasks.
pub(crate) fn check(layers: &Path, machine: Machine) -> anyhow::Result<usize> {
    let distro = distro()?;
    let names = recipes(machine)?;
    let with = ask(&BitBake::elsewhere(layers, machine, &distro, true)?, &names)?;
    let without = ask(
        &BitBake::elsewhere(layers, machine, &distro, false)?,
        &names,
    )?;
    for name in &names {
        let tasks = |all: &BTreeSet<String>| all.iter().any(|one| one.starts_with(name.as_str()));
        anyhow::ensure!(tasks(&without), "BitBake signed no task of `{name}`");
    }
    let changed = changed(&with, &without);
    anyhow::ensure!(
        changed.is_empty(),
        "under another distro the layer changes tasks of others, for {}:\n  {}",
        machine.name(),
        changed.join("\n  ")
    );
    Ok(with.len())
}

/// A distro with our features and programs, and another name.
fn distro() -> anyhow::Result<String> {
    let ours = text::read("conf/distro/vigla.conf")?;
    let words = |name: &str| text::words(&ours, name).join(" ");
    let programs = fs::read_to_string(folder().join("conf/distro/include/vigla-programs.inc"))?;
    Ok(format!(
        "DISTRO = \"elsewhere\"\nDISTRO_NAME = \"Elsewhere\"\nDISTRO_VERSION = \"1\"\n\
         INIT_MANAGER = \"{}\"\nDISTRO_FEATURES:append = \" {}\"\nDISTRO_FEATURES_OPTED_OUT = \"{}\"\n\
         RPI_USE_U_BOOT = \"1\"\nENABLE_UART = \"1\"\n\
         LICENSE_FLAGS_ACCEPTED:append:rpi = \" synaptics-killswitch\"\n{programs}",
        words("INIT_MANAGER"),
        words("DISTRO_FEATURES:append"),
        words("DISTRO_FEATURES_OPTED_OUT"),
    ))
}

/// What we append to, for this board.
fn recipes(machine: Machine) -> anyhow::Result<Vec<String>> {
    let appends = text::files(&["bbappend"])?;
    let pi = machine != Machine::Qemu;
    let names = appends.iter().filter_map(|path| {
        let name = path.file_stem()?.to_str()?.split('_').next()?;
        let here = match name {
            "linux-yocto" => !pi,
            _ => pi || !path.starts_with("dynamic-layers/raspberrypi"),
        };
        here.then(|| name.to_owned())
    });
    Ok(names.collect())
}

/// The signatures of all tasks that `recipes` need.
fn ask(bitbake: &BitBake, recipes: &[String]) -> anyhow::Result<BTreeSet<String>> {
    let file = bitbake.build.join("locked-sigs.inc");
    let _ = fs::remove_file(&file);
    let mut arguments = vec!["-S", "lockedsigs"];
    arguments.extend(recipes.iter().map(String::as_str));
    bitbake.say(&arguments)?;
    let text = fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?;
    Ok(tasks(&text))
}

/// `recipe:task:hash` per line.
fn tasks(text: &str) -> BTreeSet<String> {
    let words = text.lines().map(|line| line.trim().trim_end_matches(" \\"));
    words
        .filter(|word| word.split(':').count() == 3 && !word.contains(' '))
        .map(ToOwned::to_owned)
        .collect()
}

/// The tasks that only one side signed so.
fn changed(with: &BTreeSet<String>, without: &BTreeSet<String>) -> Vec<String> {
    let names = with.symmetric_difference(without);
    let names: BTreeSet<_> = names.filter_map(|one| one.rsplit_once(':')).collect();
    let names = names.into_iter().map(|(name, _)| name.to_owned());
    names
        .collect::<BTreeSet<_>>()
        .into_iter()
        .take(10)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_changed_is_named_once() {
        let before =
            "SIGGEN_LOCKEDSIGS_t-x = \"\\\n    a:do_fetch:01 \\\n    a:do_install:02 \\\n    \"\n";
        let after = before.replace(":02", ":03");
        let (before, after) = (tasks(before), tasks(&after));
        assert_eq!(before.len(), 2);
        assert_eq!(changed(&before, &before), Vec::<String>::new());
        assert_eq!(changed(&before, &after), ["a:do_install"]);
    }

    #[test]
    fn every_append_is_asked_for_on_some_board() {
        let (board, pi) = (
            recipes(Machine::Qemu).unwrap(),
            recipes(Machine::Rpi4).unwrap(),
        );
        assert!(board.contains(&"linux-yocto".to_owned()), "{board:?}");
        assert!(pi.contains(&"linux-raspberrypi".to_owned()), "{pi:?}");
        let all: BTreeSet<_> = board.iter().chain(&pi).collect();
        assert_eq!(all.len(), text::files(&["bbappend"]).unwrap().len());
    }
}
