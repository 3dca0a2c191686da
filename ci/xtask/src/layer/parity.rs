//! Two builders, one device: what the twin has of ours, the Yocto image has, and the other way round. What
//! differs stands in a list, with its reason.

use std::collections::BTreeSet;
use std::fs;

use super::folder;
use super::made;
use super::made::users::{self, Line};
use super::text::{self, Kind, Statement};
use crate::{dist, image};

/// Something that a device has, in words: `file /etc/x`, `user a 961`, `masked b.service`.
type Facts = BTreeSet<String>;

/// Only in the twin, and why.
const ONLY_TWIN: &[(&str, &str)] = &[
    (
        "file /etc/rauc/system.conf",
        "RAUC of this release reads /usr/lib/rauc",
    ),
    (
        "file /etc/rauc/keyring.pem",
        "RAUC of this release reads /usr/lib/rauc",
    ),
    (
        "masked e2scrub_reap.service",
        "a unit of Debian's e2fsprogs",
    ),
    ("masked e2scrub_all.timer", "a unit of Debian's e2fsprogs"),
    ("masked dpkg-db-backup.timer", "Yocto's image has no dpkg"),
    ("masked ssh.socket", "the append of openssh ships no socket"),
];

/// Only in the Yocto image, and why.
const ONLY_YOCTO: &[(&str, &str)] = &[
    (
        "file /usr/lib/rauc/system.conf",
        "RAUC of Debian reads /etc/rauc",
    ),
    (
        "file /usr/lib/rauc/keyring.pem",
        "RAUC of Debian reads /etc/rauc",
    ),
    (
        "file /etc/rancher/k3s/config.yaml.d/10-vigla.yaml",
        "the twin is given K3s' program (`--k3s`) and has no unit of it yet",
    ),
    (
        "file /usr/lib/systemd/system/k3s-agent.service.d/10-vigla.conf",
        "the twin is given K3s' program (`--k3s`) and has no unit of it yet",
    ),
    (
        "file /usr/libexec/vigla/vigla-tryboot",
        "Pi 5 only, for which there is no twin",
    ),
    (
        "file /boot/cmdline.txt",
        "Pi 5 only, for which there is no twin",
    ),
];

/// Compares; gives how many facts both have.
pub(crate) fn check() -> anyhow::Result<usize> {
    let (twin, yocto) = (twin()?, yocto()?);
    let wrong = differences(&twin, &yocto);
    anyhow::ensure!(
        wrong.is_empty(),
        "the two images differ:\n  {}\nput it into both, or into a list of ci/xtask/src/layer/parity.rs with its reason",
        wrong.join("\n  ")
    );
    Ok(twin.intersection(&yocto).count())
}

fn differences(twin: &Facts, yocto: &Facts) -> Vec<String> {
    let mut wrong = Vec::new();
    for (here, there, allowed, name, other) in [
        (twin, yocto, ONLY_TWIN, "the twin", "the Yocto image"),
        (yocto, twin, ONLY_YOCTO, "the Yocto image", "the twin"),
    ] {
        let excused: BTreeSet<_> = allowed.iter().map(|(fact, _)| (*fact).to_owned()).collect();
        let alone: Facts = here.difference(there).cloned().collect();
        wrong.extend(
            alone
                .difference(&excused)
                .map(|fact| format!("`{fact}` is in {name} and not in {other}")),
        );
        wrong.extend(
            excused
                .difference(&alone)
                .map(|fact| format!("`{fact}` is excused as only in {name}, and is not")),
        );
    }
    wrong
}

/// What `cargo xtask image` puts into its tree beside packages.
fn twin() -> anyhow::Result<Facts> {
    let mut facts = Facts::new();
    for tree in dist::trees()? {
        let folder = format!("services/{}/dist", tree.noun);
        facts.extend(
            made::below(&folder)?
                .iter()
                .map(|path| format!("file /{path}")),
        );
    }
    facts.extend(
        made::below("image/root")?
            .iter()
            .map(|path| format!("file /{path}")),
    );
    // What ci/xtask/src/image/tree.rs makes (`identify`, `dress`).
    let made = [
        "/etc/rauc/system.conf",
        "/etc/rauc/keyring.pem",
        "/etc/fw_env.config",
        "/etc/nftables.conf",
        "/usr/lib/clock-epoch",
        "/usr/lib/vigla/libonnxruntime.so.1.27.0",
    ];
    facts.extend(made.iter().map(|path| format!("file {path}")));
    facts.extend(
        made::below("services/detector/models")?
            .iter()
            .map(|path| format!("file /usr/share/vigla/models/{path}")),
    );
    facts.extend(
        image::crates()?
            .iter()
            .map(|name| format!("program {name}")),
    );
    facts.extend(image::MASKED.iter().map(|unit| format!("masked {unit}")));
    facts.extend(
        image::SILENCED
            .iter()
            .map(|name| format!("silenced {name}")),
    );
    for line in users::everyone()? {
        match line {
            Line::User { name, id, .. } => facts.extend([format!("user {name} {id}")]),
            Line::Group { name, id } if id != "-" => facts.extend([format!("group {name} {id}")]),
            Line::Group { .. } | Line::Member { .. } => {}
        }
    }
    facts.extend(
        image::firewall()?
            .lines()
            .map(|rule| format!("firewall {}", rule.trim())),
    );
    Ok(facts)
}

/// What the recipes of the layer install.
fn yocto() -> anyhow::Result<Facts> {
    let mut facts = Facts::new();
    let services = text::read("recipes-vigla/services/vigla-services-packages.inc")?;
    for package in text::words(&services, "VIGLA_PACKAGES") {
        let files = text::words(&services, &format!("FILES:{package}"));
        let data = files.iter().filter(|path| path.starts_with('/'));
        facts.extend(data.map(|path| format!("file {path}")));
    }
    let crates = text::words(&services, "VIGLA_CRATES");
    facts.extend(
        crates
            .iter()
            .filter(|word| *word != "-p")
            .map(|name| format!("program {name}")),
    );

    let files = text::read("recipes-vigla/policy/vigla-policy-files.inc")?;
    facts.extend(
        text::words(&files, "FILES:${PN}")
            .iter()
            .map(|path| format!("file {path}")),
    );
    let policy = text::read("recipes-vigla/policy/vigla-policy.bb")?;
    facts.extend(
        text::words(&policy, "VIGLA_MASKED")
            .iter()
            .map(|unit| format!("masked {unit}")),
    );
    facts.extend(
        text::words(&policy, "VIGLA_SILENCED")
            .iter()
            .map(|name| format!("silenced {name}")),
    );
    facts.extend(installed(&policy));
    for (path, recipe) in made::ELSEWHERE {
        if replaces(path, recipe)? {
            facts.insert(format!("file /{path}"));
        }
    }
    for recipe in [
        "recipes-vigla/onnxruntime/onnxruntime-bin_1.27.0.bb",
        "recipes-core/rauc/rauc-conf.bbappend",
        "recipes-containers/k3s/k3s_git.bbappend",
        "dynamic-layers/raspberrypi/recipes-bsp/vigla-tryboot/vigla-tryboot.bb",
    ] {
        facts.extend(installed(&text::read(recipe)?));
    }
    // The recipe copies the folder.
    facts.extend(
        made::below("services/detector/models")?
            .iter()
            .map(|path| format!("file /usr/share/vigla/models/{path}")),
    );
    facts.extend(accounts()?);
    let rules = fs::read_to_string(folder().join("recipes-vigla/policy/files/nftables.conf"))?;
    facts.extend(
        rules
            .lines()
            .map(|rule| format!("firewall {}", rule.trim())),
    );
    Ok(facts)
}

/// Users and groups of the tables, but the group of each user's name, which sysusers.d leaves unsaid.
fn accounts() -> anyhow::Result<Facts> {
    let mut facts = Facts::new();
    for (table, kind) in [("vigla-passwd", "user"), ("vigla-group", "group")] {
        let text = fs::read_to_string(folder().join("files").join(table))?;
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        for row in rows {
            let mut fields = row.split(':');
            let (name, id) = (
                fields.next().unwrap_or_default(),
                fields.nth(1).unwrap_or_default(),
            );
            facts.insert(format!("{kind} {name} {id}"));
        }
    }
    // The tables name the group of each user, which sysusers.d leaves unsaid.
    let users: BTreeSet<_> = facts
        .iter()
        .filter_map(|fact| fact.strip_prefix("user "))
        .map(|user| format!("group {user}"))
        .collect();
    let said: BTreeSet<_> = users::everyone()?
        .into_iter()
        .filter_map(|line| match line {
            Line::Group { name, id } => Some(format!("group {name} {id}")),
            Line::User { .. } | Line::Member { .. } => None,
        })
        .collect();
    facts.retain(|fact| !users.contains(fact) || said.contains(fact));
    Ok(facts)
}

/// The files that a recipe's own lines install one by one.
fn installed(statements: &[Statement]) -> Facts {
    let bodies = statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            Kind::Function { name, body } if name.starts_with("do_install") => Some(body),
            _ => None,
        });
    let mut facts = Facts::new();
    for line in bodies.flat_map(|body| body.lines()) {
        let Some(target) = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("${D}"))
        else {
            continue;
        };
        let install = line.trim_start().starts_with("install -") && !line.contains("install -d");
        if !install && !line.contains('>') {
            continue;
        }
        let mut path = expand(target);
        if path.ends_with('/') {
            let source = line.split_whitespace().rev().nth(1).unwrap_or_default();
            path += &expand(source.rsplit('/').next().unwrap_or_default());
        }
        facts.insert(format!("file {path}"));
    }
    facts
}

/// The folders that our recipes write by their variables.
fn expand(text: &str) -> String {
    [
        ("${sysconfdir}", "/etc"),
        ("${nonarch_libdir}", "/usr/lib"),
        ("${libexecdir}", "/usr/libexec"),
        ("${systemd_system_unitdir}", "/usr/lib/systemd/system"),
        ("${datadir}", "/usr/share"),
        ("${PV}", "1.27.0"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (variable, path)| {
        text.replace(variable, path)
    })
}

/// Whether the append of `recipe` looks for files beside `image/root/<path>` first, and installs it.
fn replaces(path: &str, recipe: &str) -> anyhow::Result<bool> {
    let appends = text::files(&["bbappend"])?;
    let append = appends.iter().find(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{recipe}_"))
    });
    let Some(append) = append else {
        return Ok(false);
    };
    let text = fs::read_to_string(folder().join(append))?;
    let (below, name) = path.rsplit_once('/').unwrap_or(("", path));
    Ok(text.contains(&format!("/image/root/{below}:"))
        && text.contains(&format!("${{UNPACKDIR}}/{name} ${{D}}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_images_have_the_same_of_ours() {
        let count = check().unwrap();
        assert!(count > 150, "{count}");
    }

    #[test]
    fn a_unit_of_only_one_is_found() {
        let (twin, mut yocto) = (twin().unwrap(), yocto().unwrap());
        let unit = "file /usr/lib/systemd/system/vigla-camera.service";
        assert!(yocto.remove(unit));
        let wrong = differences(&twin, &yocto);
        assert_eq!(
            wrong,
            [format!(
                "`{unit}` is in the twin and not in the Yocto image"
            )]
        );
        yocto.insert(unit.to_owned());
        yocto.insert("user stranger 999".to_owned());
        let wrong = differences(&twin, &yocto);
        assert_eq!(
            wrong,
            ["`user stranger 999` is in the Yocto image and not in the twin"]
        );
    }
}
