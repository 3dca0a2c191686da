//! Installing what is missing: as root, or through sudo after one question.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use nix::unistd::geteuid;

use super::{Need, missing};
use crate::say::{self, Step};
use crate::stop::{self, Stop};
use crate::{network, places, signals};

/// Whether a person has to be asked before sudo is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Ask once at the terminal.
    Ask,
    /// Given on the command line, or by CI.
    Given,
}

impl Consent {
    /// From `--yes`; in CI nobody is there to answer.
    pub(crate) fn from_flag(yes: bool) -> Self {
        let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        if yes || ci { Self::Given } else { Self::Ask }
    }
}

/// Sees to it that all of `needs` are there. Gives those that are missing for good and that we
/// can do without; one that we cannot do without ends the verb with 69.
pub(crate) fn install(needs: &[Need], consent: Consent) -> anyhow::Result<Vec<Need>> {
    let step = Step::start("packages");
    let wanted = missing(needs);
    if wanted.is_empty() {
        step.end(format_args!("all {} here", needs.len()));
        return Ok(wanted);
    }
    let names: Vec<_> = wanted.iter().map(|need| need.package).collect();
    let names = names.join(" ");
    if places::program("apt-get").is_none() {
        say::trouble("  packages   no `apt-get` here: the names are those of Debian and Ubuntu");
    } else if network::present() {
        step.begin(format_args!("getting what is missing: {names}"));
        get(&wanted, consent)?;
    } else {
        say::trouble(format_args!(
            "  packages   no network, cannot install {names}"
        ));
    }
    let still = missing(&wanted);
    if still.iter().any(|need| need.without.is_none()) {
        return Err(refusal(&still));
    }
    for need in &still {
        say::trouble(format_args!(
            "  packages   without `{}`: {}",
            need.package,
            need.without.unwrap_or_default()
        ));
    }
    step.end(format_args!(
        "{} installed, {} missing",
        wanted.len() - still.len(),
        still.len()
    ));
    Ok(still)
}

/// Runs the line, as root or through sudo. A failure of apt is found by the look that follows.
fn get(wanted: &[Need], consent: Consent) -> anyhow::Result<()> {
    let script = script(wanted, Path::new("/run/systemd/system").exists());
    let mut command;
    if geteuid().is_root() {
        command = Command::new("sh");
    } else {
        let terminal = std::io::stdin().is_terminal();
        let may_ask = consent == Consent::Given || terminal;
        if places::program("sudo").is_none() || !may_ask {
            return Err(refusal(wanted));
        }
        if consent == Consent::Ask && !agreed()? {
            return Err(refusal(wanted));
        }
        command = Command::new("sudo");
        if !terminal {
            command.arg("--non-interactive");
        }
        command.arg("sh");
    }
    // In our own process group, because sudo asks for the password at our terminal.
    let status = command
        .arg("-c")
        .arg(script)
        .status()
        .context("start apt-get")?;
    signals::check()?;
    if !status.success() {
        say::trouble(format_args!("  packages   apt-get ended with {status}"));
    }
    Ok(())
}

/// The one question.
fn agreed() -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    write!(out, "  Install them now with sudo? [Y/n] ").and_then(|()| out.flush())?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    signals::check()?;
    let read = read.context("read your answer")?;
    Ok(read > 0 && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

/// What the person must run, when we cannot.
fn refusal(wanted: &[Need]) -> anyhow::Error {
    let names: Vec<_> = wanted.iter().map(|need| need.package).collect();
    let sudo = if geteuid().is_root() { "" } else { "sudo " };
    let text = format!(
        "this machine lacks {} of the packages that we need. Run this, then the same command again:\n\n    {sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {}\n",
        names.len(),
        names.join(" ")
    );
    Stop::with(stop::UNAVAILABLE, text)
}

/// The shell script that installs `wanted`.
fn script(wanted: &[Need], systemd: bool) -> String {
    let names: Vec<_> = wanted.iter().map(|need| need.package).collect();
    let names = names.join(" ");
    let mut script = format!(
        "export DEBIAN_FRONTEND=noninteractive\n\
         apt-get -qq update\n\
         apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends {names}\n"
    );
    let started = wanted.iter().map(|need| need.package);
    let started: Vec<_> = started.filter(|name| STARTED.contains(name)).collect();
    if systemd && !started.is_empty() {
        let started = started.join(" ");
        let _ = write!(
            script,
            "status=$?\nsystemctl --quiet disable --now {started}\nexit $status\n"
        );
    }
    script
}

/// Packages with which Debian starts a service of its own. Nobody asked for that, and our broker
/// wants the port.
const STARTED: [&str; 3] = ["mosquitto", "prometheus", "prometheus-node-exporter"];

#[cfg(test)]
mod tests {
    use super::super::SERVICES;
    use super::*;

    #[test]
    fn the_refusal_is_one_line_to_run_and_exits_69() {
        let error = refusal(SERVICES);
        assert_eq!(stop::code(&error), stop::UNAVAILABLE);
        let text = error.to_string();
        assert!(
            text.contains("install -y --no-install-recommends dbus mosquitto ffmpeg"),
            "{text}"
        );
    }

    #[test]
    fn a_service_that_came_with_the_package_is_switched_off() {
        assert!(script(SERVICES, true).contains("disable --now mosquitto"));
        assert!(!script(SERVICES, false).contains("disable"));
        assert!(!script(&SERVICES[..1], true).contains("disable"));
    }
}
