//! Running other programs: in a process group of their own, and never longer than we live.

use std::ffi::OsStr;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use vigla_testkit::Child;

use crate::signals;

const TICK: Duration = Duration::from_millis(20);
/// What a program gets to end in order before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs `command` to its end. A signal to us ends its whole group first.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = Child::start(&name, command)?;
    let group = Pid::from_raw(i32::try_from(child.pid()).context("a process id")?);
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = child.ended() {
            signals::check()?;
            return Ok(status);
        }
        match asked {
            None if signals::asked() > 0 => {
                let _ = killpg(group, Signal::SIGTERM);
                asked = Some(Instant::now());
            }
            Some(since) if since.elapsed() > PATIENCE => {
                let _ = killpg(group, Signal::SIGKILL);
            }
            _ => {}
        }
        signals::pause(TICK);
    }
}

/// Runs `command` and wants success; `what` is the step in the message.
pub(crate) fn must(what: &str, command: &mut Command) -> anyhow::Result<()> {
    let status = run(command)?;
    anyhow::ensure!(
        status.success(),
        "{what}: `{}` ended with {status}",
        shown(command)
    );
    Ok(())
}

/// What a short program says on stdout, or its complaint as the error.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let done = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start `{}`", shown(command)))?;
    let complaint = String::from_utf8_lossy(&done.stderr);
    anyhow::ensure!(
        done.status.success(),
        "`{}`: {}",
        shown(command),
        complaint.trim()
    );
    String::from_utf8(done.stdout).with_context(|| format!("read what `{}` says", shown(command)))
}

/// Whether a short program says yes, quietly.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as a person would type it, cut where it gets long.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let text = words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text,
    }
}
