//! Running the tool, and what it must do whatever is asked.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What one run said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Each line of the output as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self {
            code,
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// The tool, not run yet; no bus unless the test names one.
pub(crate) fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viglactl"));
    command.args(arguments).stdin(Stdio::null());
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Said {
    tool(arguments).output().unwrap().into()
}

/// A program that is the shell script `body`.
pub(crate) fn script(path: &Path, body: &str) {
    let source = path.with_extension("source");
    #[allow(clippy::disallowed_methods, reason = "a script in a temporary folder")]
    std::fs::write(&source, format!("#!/bin/sh\n{body}\n")).unwrap();
    install(&source, path);
}

/// The tool in `dir`, so that what lies there is beside it.
pub(crate) fn copy_to(dir: &Path) -> PathBuf {
    let copy = dir.join("viglactl");
    install(Path::new(env!("CARGO_BIN_EXE_viglactl")), &copy);
    copy
}

/// Another process writes the program: a file that we have open for writing while another test
/// forks cannot be run ("text file busy").
fn install(from: &Path, to: &Path) {
    let status = Command::new("install")
        .arg("-m755")
        .args([from, to])
        .status();
    assert!(status.unwrap().success(), "install {}", to.display());
}

#[test]
fn mistakes_on_the_command_line_exit_2_and_help_exits_0() {
    for line in [
        &["frobnicate"][..],
        &["camera", "show"],
        &["detector", "events", "--limit", "501"],
        &["--colour"],
    ] {
        let said = run(line);
        assert_eq!(
            (said.code, said.out.as_str()),
            (2, ""),
            "{line:?}: {}",
            said.err
        );
    }
    for line in [
        &["--help"][..],
        &["camera", "--help"],
        &["--version"],
        &["help", "detect"],
    ] {
        let said = run(line);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{line:?}");
        assert!(
            said.out.starts_with(|c: char| c.is_uppercase() || c == 'v'),
            "{}",
            said.out
        );
    }
}

#[test]
fn without_a_bus_it_exits_69_and_says_so() {
    for line in [
        &["status"][..],
        &["camera", "list", "--json"],
        &["watch"],
        &["detector", "status"],
    ] {
        let said = run(line);
        assert_eq!((said.code, said.out.as_str()), (69, ""), "{line:?}");
        assert!(
            said.err.starts_with("viglactl: no system bus: "),
            "{}",
            said.err
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let shell = format!(
        "{} --help | true; {0} help detect | head -c 1 >/dev/null; {0} --version >&-; \
         {0} config check --json | true",
        env!("CARGO_BIN_EXE_viglactl")
    );
    let output = Command::new("sh").args(["-c", &shell]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn output_has_no_colour_when_it_is_no_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let tool = copy_to(dir.path());
    script(&dir.path().join("vigla-metrics"), "echo 'broker = 1'");
    let said: Said = Command::new(tool)
        .args(["config", "check", "metrics"])
        .output()
        .unwrap()
        .into();
    assert_eq!(said.out, "metrics: valid\n");
}
