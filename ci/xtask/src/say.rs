//! What the person at the terminal reads: results on stdout, talk on stderr.
//!
//! Unlike `println!` nothing here panics when the other end of a pipe has gone.

use std::fmt::Display;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// One line on stdout.
pub(crate) fn line(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// One line on stderr.
pub(crate) fn trouble(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// From now on all talk goes to stderr: ours, and that of every program that we start, such as apt. Gives
/// stdout as it was, for the one program whose results a machine is to read.
pub(crate) fn results_apart() -> anyhow::Result<Stdio> {
    let results = std::io::stdout().as_fd().try_clone_to_owned();
    let results = results.context("keep stdout for the results")?;
    nix::unistd::dup2_stdout(std::io::stderr()).context("talk on stderr")?;
    Ok(results.into())
}

/// A step of the work; it says how long it took when it ends.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    since: Instant,
}

impl Step {
    /// Starts the clock, silently.
    pub(crate) fn start(name: &'static str) -> Self {
        Self {
            name,
            since: Instant::now(),
        }
    }

    /// Says that something slow begins.
    pub(crate) fn begin(&self, doing: impl Display) {
        line(format_args!("  {:<10} {doing} ...", self.name));
    }

    /// Says how it ended.
    pub(crate) fn end(self, result: impl Display) {
        let took = seconds(self.since.elapsed());
        line(format_args!(
            "  {:<10} {:<58} {took:>8}",
            self.name,
            result.to_string()
        ));
    }
}

/// A duration as people read it: `0.3 s`, `12.0 s`, `4 m 05 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} m {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(320)), "0.3 s");
        assert_eq!(seconds(Duration::from_secs(245)), "4 m 05 s");
    }
}
