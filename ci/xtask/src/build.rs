//! Building the workspace's programs.

use std::process::Command;

use crate::say::Step;
use crate::{places, process};

/// Builds every program of the workspace (daemons, `viglactl`), with cargo's own progress.
pub(crate) fn programs() -> anyhow::Result<()> {
    let step = Step::start("build");
    step.begin("compiling what has changed");
    process::must("build", &mut workspace())?;
    step.end("all programs up to date");
    Ok(())
}

/// The whole workspace and not single packages: features are unified over what is selected, so
/// that anything else would compile half of the dependencies a second time.
pub(crate) fn workspace() -> Command {
    let mut cargo = cargo("build");
    cargo.args(["--workspace", "--bins", "--locked"]);
    cargo
}

/// A cargo command at the root of the repository.
pub(crate) fn cargo(verb: &str) -> Command {
    let mut command = Command::new(places::cargo());
    command.arg(verb).current_dir(places::repository());
    // Set for us by the `cargo run` that started us; they would change what cargo builds below.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST") {
            command.env_remove(&name);
        }
    }
    command
}
