//! Which file of a `dist/` tree and of `image/root` is in which package, and what systemd is to know of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::users::{self, Line};
use super::{list, tracked};
use crate::{dist, image, places};

const HEAD: &str = "by `cargo xtask layer --write`.\n\n";
const UNITS: &str = "usr/lib/systemd/system/";

/// Files of `image/root` that replace one of another recipe: its append puts them there.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("etc/mosquitto/mosquitto.conf", "mosquitto"),
    ("etc/ssh/sshd_config", "openssh"),
    ("usr/share/dbus-1/system.d/de.pengutronix.rauc.conf", "rauc"),
];

/// The packages of `vigla-services`.
pub(crate) fn services() -> anyhow::Result<String> {
    let everyone = users::everyone()?;
    let trees = dist::trees()?;
    let names: Vec<_> = trees
        .iter()
        .map(|tree| format!("vigla-{}", tree.noun))
        .collect();
    let mut text = format!("# Made of services/*/dist {HEAD}");
    text += &list("VIGLA_PACKAGES", "=", &names);
    let crates: Vec<_> = image::crates()?
        .iter()
        .map(|name| format!("-p {name}"))
        .collect();
    text += &list("VIGLA_CRATES", "=", &crates);
    let (mut with_users, mut rest) = (Vec::new(), String::new());
    for (tree, name) in trees.iter().zip(&names) {
        let files = below(&format!("services/{}/dist", tree.noun))?;
        let programs = programs(&tree.noun)?;
        let _ = write!(rest, "\n{}", package(name, &programs, &files));
        let accounts = accounts(name, &tree.tree, &everyone)?;
        if !accounts.is_empty() {
            with_users.push(name.clone());
            rest += &accounts;
        }
    }
    text += &list("VIGLA_USERS", "=", &with_users);
    Ok(text + &rest)
}

/// The programs of a service: the one of its name, and those beside it in `src/bin`.
fn programs(noun: &str) -> anyhow::Result<Vec<String>> {
    let more = below(&format!("services/{noun}/src"))?;
    let more = more.iter().filter_map(|path| {
        let name = path.strip_prefix("bin/")?.strip_suffix(".rs")?;
        Some(name.to_owned())
    });
    Ok([format!("vigla-{noun}")].into_iter().chain(more).collect())
}

/// What is in one package, and which of it are units that can be switched on.
fn package(name: &str, programs: &[String], files: &[String]) -> String {
    let programs = programs.iter();
    let mut paths: Vec<_> = programs
        .map(|program| format!("${{libexecdir}}/vigla/{program}"))
        .collect();
    paths.extend(files.iter().map(|file| format!("/{file}")));
    let units: Vec<_> = files
        .iter()
        .filter_map(|file| file.strip_prefix(UNITS))
        .map(ToOwned::to_owned)
        .collect();
    list(&format!("FILES:{name}"), "=", &paths)
        + &list(&format!("SYSTEMD_SERVICE:{name}"), "=", &units)
}

/// Users, groups and memberships of one package, for the class that makes them when the image is made.
fn accounts(name: &str, tree: &Path, everyone: &[Line]) -> anyhow::Result<String> {
    let file = tree.join(format!("usr/lib/sysusers.d/{name}.conf"));
    if !file.exists() {
        return Ok(String::new());
    }
    let (mut users, mut groups, mut members) = (Vec::new(), BTreeMap::new(), Vec::new());
    for line in users::read(&file)? {
        match line {
            Line::User {
                name,
                id,
                title,
                home,
                ..
            } => {
                users.push(format!(
                    "--system --uid {id} --gid {name} --no-create-home --home-dir {home} --shell /sbin/nologin --comment '{title}' {name};"
                ));
                groups.insert(name, id);
            }
            // `-`: the base of the system has it.
            Line::Group { id, .. } if id == "-" => {}
            Line::Group { name, id } => {
                groups.insert(name, id);
            }
            Line::Member { user, group } => {
                // A package may be installed before the one that the group belongs to.
                if let Some(id) = users::number(everyone, &group) {
                    groups.insert(group.clone(), id);
                }
                members.push(format!("--group {group} --add {user};"));
            }
        }
    }
    let groups: Vec<_> = groups
        .iter()
        .map(|(name, id)| format!("--system --gid {id} {name};"))
        .collect();
    let some = |variable: &str, words: &[String]| {
        if words.is_empty() {
            return String::new();
        }
        list(&format!("{variable}:{name}"), "=", words)
    };
    Ok(some("GROUPADD_PARAM", &groups)
        + &some("USERADD_PARAM", &users)
        + &some("GROUPMEMS_PARAM", &members))
}

/// The package `vigla-policy`: the tree `image/root`.
pub(crate) fn policy() -> anyhow::Result<String> {
    let files = below("image/root")?;
    let elsewhere: Vec<_> = ELSEWHERE
        .iter()
        .map(|(path, _)| (*path).to_owned())
        .collect();
    for path in &elsewhere {
        anyhow::ensure!(files.contains(path), "`image/root/{path}` is gone");
    }
    let here: Vec<_> = files
        .iter()
        .filter(|file| !elsewhere.contains(file))
        .map(|file| format!("/{file}"))
        .collect();
    Ok(format!("# Made of image/root {HEAD}")
        + &list("VIGLA_ELSEWHERE", "=", &elsewhere)
        + "\n"
        + &list("FILES:${PN}", "=", &here))
}

/// Files below a folder of the repository, as paths below that folder.
pub(crate) fn below(folder: &str) -> anyhow::Result<Vec<String>> {
    tracked(&[folder])?
        .iter()
        .filter(|path| places::repository().join(path).symlink_metadata().is_ok())
        .map(|path| {
            let inside = path.strip_prefix(folder)?;
            let text = inside.to_str().context("a name that is no text")?;
            Ok(text.to_owned())
        })
        .collect()
}
