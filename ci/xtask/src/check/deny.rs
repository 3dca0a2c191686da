//! Licences, bans and sources by cargo-deny, with the reasons in `deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use super::Verdict;
use crate::say;
use crate::{build, network, places, process};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

pub(super) fn licences() -> anyhow::Result<Verdict> {
    let Some(program) = program()? else {
        return Ok(absent());
    };
    let mut deny = deny(program);
    deny.args([
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]);
    process::must("licences, bans and sources", &mut deny)?;
    Ok(Verdict::Good(
        "licences, bans, sources, no second versions".into(),
    ))
}

/// Known holes, when the database can be had: a check must not fail because a server is away.
pub(super) fn advisories() -> anyhow::Result<Verdict> {
    let Some(program) = program()? else {
        return Ok(absent());
    };
    let fetched = network::present() && {
        let mut fetch = deny(program.clone());
        fetch.args(["--log-level", "off", "fetch", "db"]);
        fetch
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        process::run(&mut fetch)?.success()
    };
    if !fetched {
        return Ok(Verdict::Skipped(
            "the advisory database is not reachable".into(),
        ));
    }
    process::must(
        "advisories",
        deny(program).args(["check", "--disable-fetch", "advisories"]),
    )?;
    Ok(Verdict::Good("no known hole".into()))
}

fn deny(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(places::repository())
        .args(["--locked", "--all-features"]);
    command
}

fn absent() -> Verdict {
    Verdict::Skipped(format!(
        "no cargo-deny {VERSION}, and no network to get it from"
    ))
}

/// cargo-deny in our cache, compiled the first time.
fn program() -> anyhow::Result<Option<PathBuf>> {
    let root = places::cache()?.join("tools");
    let program = root.join("bin/cargo-deny");
    let version = process::output(Command::new(&program).arg("--version"));
    if version.is_ok_and(|text| text.trim().ends_with(VERSION)) {
        return Ok(Some(program));
    }
    if !network::present() {
        return Ok(None);
    }
    say::line(format_args!(
        "             compiling cargo-deny {VERSION}, this once"
    ));
    let mut cargo = build::cargo("install");
    cargo
        .args([
            "cargo-deny",
            "--locked",
            "--force",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(&root);
    process::must("install cargo-deny", &mut cargo)?;
    Ok(Some(program))
}
