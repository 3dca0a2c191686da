//! Tests that cannot run here say so where a person sees it.
//!
//! The test runner swallows what a passing test prints. So a skipped test writes past it, to the
//! real standard error, and leaves a line in `skipped.txt` of cargo's target folder, which
//! `cargo xtask test` shows at the end.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Says that the running test is skipped, and why: `no chromedriver; install the package
/// chromium-driver`. The test returns after it.
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main");
    let line = match test {
        Some(test) => format!("{test}: {reason}\n"),
        None => format!("{reason}\n"),
    };
    // Nothing is to be done when this fails: the test passes either way.
    let _ = std::io::stderr().write_all(format!("SKIPPED: {line}").as_bytes());
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(target().join("skipped.txt"));
    // One call, so that lines of tests that run at once do not mix.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// Cargo's target folder: the one that holds the running program, wherever the settings put it;
/// else that of the environment; else that of the repository.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let holding = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    #[allow(clippy::disallowed_methods, reason = "cargo's variable, not a setting")]
    let named = || std::env::var("CARGO_TARGET_DIR").ok().map(PathBuf::from);
    holding
        .map(Path::to_owned)
        .or_else(named)
        .unwrap_or_else(|| {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
            manifest.join("../../target")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_holds_the_running_test() {
        let program = std::env::current_exe().unwrap();
        assert!(program.starts_with(target()), "{}", target().display());
    }
}
