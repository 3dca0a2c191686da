//! Exit codes, and the one place where an error chain is printed.

use std::process::ExitCode;

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

/// An error chain as one line: `outer: inner: innermost`.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        // Some libraries repeat their source in their own message.
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = inner.source();
    }
    line
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_reads_as_a_sentence() {
        let error = anyhow::anyhow!("no such file")
            .context("read `x.toml`")
            .context("cannot load settings");
        assert_eq!(
            chain(error.as_ref()),
            "cannot load settings: read `x.toml`: no such file"
        );
    }
}
