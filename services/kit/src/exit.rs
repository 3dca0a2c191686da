//! Exit codes, and the one place where an error chain is printed.

use std::process::ExitCode;

pub use vigla_bus::chain;

/// All went well.
pub const OK: u8 = 0;
/// The work failed.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// A peer that we cannot do without is absent (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// The configuration is wrong (`EX_CONFIG`); units name it in `RestartPreventExitStatus`.
pub const CONFIG: u8 = 78;

/// Prints the chain of `error` after the program's name and gives the exit code `code`.
#[must_use]
#[allow(
    clippy::print_stderr,
    reason = "the one place where a daemon speaks to a terminal"
)]
pub fn exit(program: &str, error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("{program}: {}", chain(error.as_ref()));
    ExitCode::from(code)
}
