//! Unit files as systemd reads them: on a staged root with the system's own units under ours.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::Verdict;
use crate::dist::{self, Daemon};
use crate::{places, process};

/// In tenths, as `--threshold` wants it: an exposure over 2.0 needs a reason, and there is none yet.
const EXPOSURE: &str = "--threshold=20";
/// What fetches from the Internet, and so through the owner's proxy. (MQTT goes its own way.)
const FETCHES: [&str; 2] = ["vigla-updater.service", "vigla-enrolment.service"];
/// How a unit is given it.
const PROXY: &str = "EnvironmentFile=-/etc/vigla/proxy.env";
const UNITS: &str = "usr/lib/systemd/system";

pub(super) fn check() -> anyhow::Result<Verdict> {
    let (daemons, trees) = (dist::daemons()?, dist::trees()?);
    anyhow::ensure!(!daemons.is_empty(), "no service has a `dist` tree");
    for daemon in &daemons {
        complete(daemon)?;
    }
    let units = units(&trees)?;
    let Some(analyze) = places::program("systemd-analyze") else {
        return Ok(Verdict::Skipped(
            "no `systemd-analyze`: install the package `systemd`".into(),
        ));
    };
    let root = places::repository().join("target/units");
    let _ = fs::remove_dir_all(&root);
    let staged = stage(&root, &trees, &units).and_then(|()| judge(&analyze, &root, &units));
    let _ = fs::remove_dir_all(&root);
    staged?;
    Ok(Verdict::Good(format!(
        "{} units, each service with an exposure of at most 2.0",
        units.len()
    )))
}

/// The names of all units that the trees hold.
fn units(trees: &[Daemon]) -> anyhow::Result<Vec<String>> {
    let mut units = Vec::new();
    for tree in trees {
        let folder = tree.tree.join(UNITS);
        let entries =
            fs::read_dir(&folder).with_context(|| format!("list `{}`", folder.display()))?;
        for entry in entries {
            units.push(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    units.sort();
    Ok(units)
}

/// Every daemon ships the same five files.
fn complete(daemon: &Daemon) -> anyhow::Result<()> {
    let noun = &daemon.noun;
    daemon.file(&format!("{UNITS}/vigla-{noun}.service"))?;
    daemon.file(&format!("usr/lib/sysusers.d/vigla-{noun}.conf"))?;
    daemon.file(&format!("usr/lib/tmpfiles.d/vigla-{noun}.conf"))?;
    daemon.file(&format!("usr/lib/vigla/{noun}.d/10-default.toml"))?;
    daemon.policy().map(|_| ())
}

/// Lays the trees over a copy of this system's units (a bare root lacks systemd's own targets),
/// with an empty program where a unit wants one.
fn stage(root: &Path, trees: &[Daemon], units: &[String]) -> anyhow::Result<()> {
    copy(&Path::new("/").join(UNITS), &root.join(UNITS)).context("copy the system's units")?;
    for tree in trees {
        copy(&tree.tree, root).with_context(|| format!("stage `{}`", tree.tree.display()))?;
    }
    for unit in services(units) {
        let text = fs::read_to_string(root.join(UNITS).join(unit))?;
        let start = text
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart=/"));
        let start = start.with_context(|| format!("`{unit}` starts no program"))?;
        let program = root.join(start.split_whitespace().next().unwrap_or_default());
        if FETCHES.contains(&unit.as_str()) {
            let given = text.lines().any(|line| line == PROXY);
            anyhow::ensure!(
                given,
                "`{unit}` fetches, and is not given the owner's proxy: `{PROXY}`"
            );
        }
        fs::create_dir_all(program.parent().unwrap_or(root))?;
        fs::File::create(&program)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn services(units: &[String]) -> impl Iterator<Item = &String> {
    units.iter().filter(|unit| unit.ends_with(".service"))
}

fn judge(analyze: &Path, root: &Path, units: &[String]) -> anyhow::Result<()> {
    let mut verify = Command::new(analyze);
    verify
        .arg("verify")
        .arg("--man=no")
        .arg(format!("--root={}", root.display()));
    verify.args(units);
    let said = verify.output().context("start `systemd-analyze verify`")?;
    // A key that it does not know is a warning to systemd and an error to us.
    let complaints: Vec<_> = String::from_utf8_lossy(&said.stderr)
        .lines()
        .filter(|line| line.contains("vigla-"))
        .map(ToOwned::to_owned)
        .collect();
    anyhow::ensure!(
        said.status.success() && complaints.is_empty(),
        "systemd-analyze verify: {}",
        complaints.join("\n")
    );
    for unit in services(units) {
        let mut security = Command::new(analyze);
        security
            .args(["security", "--no-pager", "--offline=yes", EXPOSURE])
            .arg(root.join(UNITS).join(unit));
        process::output(&mut security).with_context(|| {
            format!("`{unit}` is too exposed: run `systemd-analyze security --offline=yes` on it")
        })?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
