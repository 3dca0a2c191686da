//! A child process that cannot outlive us.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Pid, Uid, setgid, setgroups, setuid};

/// The numbers under which a child runs.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

/// A running child; killed when dropped.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: std::process::Child,
}

impl Child {
    /// Starts `command`. It dies when the starting *thread* ends, in a process group of its own, so
    /// that a Ctrl-C in the terminal reaches only us and we end things in order.
    pub fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        Self::start_as(name, command, None)
    }

    /// The same as nobody where we are root, and as whoever we are elsewhere. Nobody must be able to
    /// reach the program; what root has open, `/proc/self/fd/N`, can always be started.
    pub fn start_unprivileged(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        Self::start_as(name, command, nobody())
    }

    pub(crate) fn start_as(
        name: &str,
        command: &mut Command,
        who: Option<Identity>,
    ) -> anyhow::Result<Self> {
        become_identity(command, who);
        command.process_group(0);
        let program = command.get_program().to_string_lossy().into_owned();
        let process = command
            .spawn()
            .with_context(|| format!("start `{program}`"))?;
        Ok(Self {
            name: name.to_owned(),
            process,
        })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.pid())?);
        kill(pid, signal).with_context(|| format!("send {signal} to `{}`", self.name))
    }

    /// Lets it stand still (SIGSTOP).
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Waits for its end.
    pub fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let what = format!("the end of `{}`", self.name);
        crate::until(&what, patience, || self.ended())
    }

    /// Asks it to end (SIGTERM) and waits; kills it when it does not.
    pub fn stop(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.ended() {
            return Ok(status);
        }
        self.signal(Signal::SIGTERM)?;
        self.wait(patience)
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if self.ended().is_none() {
            self.signal(Signal::SIGKILL)?;
            self.process
                .wait()
                .with_context(|| format!("wait for `{}`", self.name))?;
        }
        Ok(())
    }
}

/// Who a program of root runs as that needs no right at all.
pub(crate) fn nobody() -> Option<Identity> {
    nix::unistd::geteuid().is_root().then(|| Identity {
        uid: crate::Broker::NOBODY,
        gid: crate::Broker::NOBODY,
        groups: Vec::new(),
    })
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Lets `command` become `who` after the fork, and die with the thread that starts it.
pub(crate) fn become_identity(command: &mut Command, who: Option<Identity>) {
    let parent = std::process::id();
    let groups: Vec<_> = who
        .iter()
        .flat_map(|w| &w.groups)
        .map(|&g| Gid::from_raw(g))
        .collect();
    let change = move || {
        if let Some(who) = &who {
            setgroups(&groups)?;
            setgid(Gid::from_raw(who.gid))?;
            setuid(Uid::from_raw(who.uid))?;
        }
        // After setuid, which clears it.
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        if nix::unistd::getppid().as_raw().unsigned_abs() != parent {
            return Err(std::io::Error::other("the parent ended first"));
        }
        Ok(())
    };
    #[allow(
        unsafe_code,
        reason = "the standard library cannot set groups or the death signal"
    )]
    // SAFETY: between fork and exec the closure only makes system calls and reads memory that was
    // there before; it allocates nothing.
    unsafe {
        command.pre_exec(change);
    }
}
