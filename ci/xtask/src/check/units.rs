//! Unit files as systemd reads them: on a staged root with the system's own units under ours.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::Verdict;
use crate::dist::{self, Daemon};
use crate::{places, process};

/// In tenths, as `--threshold` wants it: an exposure over 2.0 needs a reason, and there is none yet.
const EXPOSURE: &str = "--threshold=20";
const UNITS: &str = "usr/lib/systemd/system";

pub(super) fn check() -> anyhow::Result<Verdict> {
    let daemons = dist::daemons()?;
    anyhow::ensure!(!daemons.is_empty(), "no service has a `dist` tree");
    for daemon in &daemons {
        complete(daemon)?;
    }
    let Some(analyze) = places::program("systemd-analyze") else {
        return Ok(Verdict::Skipped(
            "no `systemd-analyze`: install the package `systemd`".into(),
        ));
    };
    let root = places::repository().join("target/units");
    let _ = fs::remove_dir_all(&root);
    let staged = stage(&root, &daemons).and_then(|()| judge(&analyze, &root, &daemons));
    let _ = fs::remove_dir_all(&root);
    staged?;
    Ok(Verdict::Good(format!(
        "{} units, each with an exposure of at most 2.0",
        daemons.len()
    )))
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
fn stage(root: &Path, daemons: &[Daemon]) -> anyhow::Result<()> {
    copy(&Path::new("/").join(UNITS), &root.join(UNITS)).context("copy the system's units")?;
    for daemon in daemons {
        copy(&daemon.tree, root).with_context(|| format!("stage `{}`", daemon.tree.display()))?;
        let unit = fs::read_to_string(unit(root, daemon))?;
        let start = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart=/"));
        let start = start.with_context(|| format!("`vigla-{}` starts no program", daemon.noun))?;
        let program = root.join(start.split_whitespace().next().unwrap_or_default());
        fs::create_dir_all(program.parent().unwrap_or(root))?;
        fs::File::create(&program)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn judge(analyze: &Path, root: &Path, daemons: &[Daemon]) -> anyhow::Result<()> {
    let mut verify = Command::new(analyze);
    verify
        .arg("verify")
        .arg("--man=no")
        .arg(format!("--root={}", root.display()));
    verify.args(
        daemons
            .iter()
            .map(|daemon| format!("vigla-{}.service", daemon.noun)),
    );
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
    for daemon in daemons {
        let mut security = Command::new(analyze);
        security
            .args(["security", "--no-pager", "--offline=yes", EXPOSURE])
            .arg(unit(root, daemon));
        let name = &daemon.noun;
        process::output(&mut security)
            .with_context(|| format!("`vigla-{name}.service` is too exposed: run `systemd-analyze security --offline=yes` on it"))?;
    }
    Ok(())
}

fn unit(root: &Path, daemon: &Daemon) -> PathBuf {
    root.join(UNITS)
        .join(format!("vigla-{}.service", daemon.noun))
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
