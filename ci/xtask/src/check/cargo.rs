//! The stages that are a cargo command.

use super::Verdict;
use crate::stop::{self, Stop};
use crate::{build, process};

/// rustfmt has nothing to change.
pub(super) fn format() -> anyhow::Result<Verdict> {
    component("fmt", "rustfmt")?;
    process::must(
        "run `cargo fmt` over these files",
        build::cargo("fmt").args(["--all", "--", "--check", "-l"]),
    )?;
    Ok(Verdict::Good("as rustfmt would write it".into()))
}

/// clippy is silent.
pub(super) fn clippy() -> anyhow::Result<Verdict> {
    component("clippy", "clippy")?;
    let mut cargo = build::cargo("clippy");
    cargo.args([
        "--workspace",
        "--all-targets",
        "--locked",
        "--keep-going",
        "--",
        "-D",
        "warnings",
    ]);
    process::must("clippy", &mut cargo)?;
    Ok(Verdict::Good("no warning".into()))
}

/// The documentation builds without a dangling link.
pub(super) fn docs() -> anyhow::Result<Verdict> {
    let mut cargo = build::cargo("doc");
    cargo
        .args(["--workspace", "--no-deps", "--locked", "--keep-going"])
        // The heads of private modules are where the ideas stand.
        .arg("--document-private-items")
        .env(
            "RUSTDOCFLAGS",
            "-D warnings -A rustdoc::private_intra_doc_links",
        );
    process::must("documentation", &mut cargo)?;
    Ok(Verdict::Good("every link leads somewhere".into()))
}

/// The programs, which the stages after this one start.
pub(super) fn programs() -> anyhow::Result<Verdict> {
    process::must("build", &mut build::workspace())?;
    Ok(Verdict::Good("all programs".into()))
}

fn component(verb: &str, name: &str) -> anyhow::Result<()> {
    if process::succeeds(build::cargo(verb).arg("--version")) {
        return Ok(());
    }
    let message = format!("this Rust has no `{name}`: run `rustup component add {name}`");
    Err(Stop::with(stop::UNAVAILABLE, message))
}
