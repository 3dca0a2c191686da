//! What the recipes of the layer install, read from their text.

use std::collections::BTreeSet;
use std::fs;

use super::{Facts, units};
use crate::layer::made::users::{self, Line};
use crate::layer::text::{self, Kind, Statement};
use crate::layer::{folder, made};

/// What the recipes of the layer install.
pub(super) fn facts() -> anyhow::Result<Facts> {
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
    let brought = |unit: &str| units::FOREIGN.iter().any(|(name, ..)| *name == unit);
    let follow = units::facts(&facts, brought)?;
    facts.extend(follow);
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
