//! Any video through an `ffmpeg` child that writes JPEGs to a pipe.
//!
//! No shell. A file is named as `file:PATH`, so that no name can mean an option or a protocol; a
//! network address goes in through standard input as a playlist, because a command line can be
//! read by everybody on the machine and the address holds the password. The child dies with the
//! thread that started it (parent-death signal), so that not even SIGKILL leaves one behind.

mod command;
mod complaints;
mod words;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use vigla_kit::Clock;

use self::complaints::Complaints;
use self::words::Words;
use super::url::{Address, Credentials};
use super::{Wish, jpeg_picture};
use crate::jpeg::stream::Cutter;
use crate::picture::Picture;
use crate::source::{Cause, Source, SourceError};

/// What the child plays.
#[derive(Debug, Clone)]
pub enum Input {
    /// A file, over and over, at its own pace.
    File(PathBuf),
    /// A network camera.
    Network(Address, Option<Credentials>),
}

/// A running child.
#[derive(Debug)]
pub struct Ffmpeg {
    child: Child,
    pictures: ChildStdout,
    errors: ChildStderr,
    complaints: Complaints,
    /// What it plays, as it may be shown; the child knows an address as `pipe:0`.
    shown: String,
    /// What it complained about.
    words: Words,
    cutter: Cutter,
    piece: Vec<u8>,
    clock: Clock,
}

impl Ffmpeg {
    /// Starts the child; returns before it has opened its input.
    pub fn start(input: &Input, wish: Wish, clock: Clock) -> Result<Self, SourceError> {
        let mut command = Command::new("ffmpeg");
        command
            .args(command::arguments(input, wish))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let us = nix::unistd::getpid();
        let die_with_us = move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // We may have died before the child could ask.
            if nix::unistd::getppid() == us {
                Ok(())
            } else {
                Err(io::ErrorKind::NotConnected.into())
            }
        };
        // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
        #[allow(unsafe_code, reason = "a child has to ask for its death signal itself")]
        unsafe {
            command.pre_exec(die_with_us);
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SourceError::NoProgram("ffmpeg"),
            _ => SourceError::Child(error),
        })?;
        // Dropped after this block: the child sees the end of its input.
        if let Some(mut stdin) = child.stdin.take() {
            // A child that died already says why on its standard error.
            let _ = stdin.write_all(command::playlist(input).as_bytes());
        }
        let (Some(pictures), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SourceError::Child(io::Error::other("no pipe")));
        };
        for pipe in [pictures.as_fd(), errors.as_fd()] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
                .map_err(|errno| SourceError::Child(errno.into()))?;
        }
        Ok(Self {
            child,
            pictures,
            errors,
            complaints: Complaints::new(match input {
                Input::Network(_, credentials) => credentials.clone(),
                Input::File(_) => None,
            }),
            shown: match input {
                Input::Network(address, _) => address.to_string(),
                Input::File(path) => path.display().to_string(),
            },
            words: Words::default(),
            cutter: Cutter::default(),
            piece: vec![0; 64 << 10],
            clock,
        })
    }

    /// Waits for bytes and takes them in. Whether there were any.
    fn take_in(&mut self, patience: Duration) -> Result<bool, SourceError> {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let mut ready = [
            PollFd::new(self.pictures.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.errors.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(false),
            Ok(_) => {}
            Err(errno) => return Err(SourceError::Child(errno.into())),
        }
        self.listen();
        match self.pictures.read(&mut self.piece) {
            Ok(0) => Err(self.ended()),
            Ok(count) => {
                self.cutter.feed(&self.piece[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(SourceError::Child(error)),
        }
    }

    /// Hears what the child complains about, in whole lines.
    fn listen(&mut self) {
        let mut piece = [0; 4 << 10];
        while let Ok(count @ 1..) = self.errors.read(&mut piece) {
            let said = self.complaints.hear(&piece[..count]);
            self.note(&said);
        }
    }

    fn note(&mut self, said: &str) {
        if !said.is_empty() {
            self.words.hear(said, &self.shown);
            tracing::debug!(said = %said.trim(), "ffmpeg");
        }
    }

    fn ended(&mut self) -> SourceError {
        let _ = self.child.kill();
        let status = self.child.wait();
        self.listen();
        let last = self.complaints.rest();
        self.note(&last);
        let (cause, said) = self.words.verdict().unwrap_or_else(|| {
            let said = match status {
                Ok(status) => format!("ffmpeg ended with {status}"),
                Err(error) => error.to_string(),
            };
            (Cause::Other, said)
        });
        SourceError::Ended(cause, said)
    }
}

impl Source for Ffmpeg {
    fn next(&mut self, patience: Duration) -> Result<Option<Picture<'_>>, SourceError> {
        // A large picture comes in many pieces: as long as they flow, it is not yet `patience`.
        while !self.cutter.cut() {
            if !self.take_in(patience)? {
                return Ok(None);
            }
        }
        let mono_usec = self.clock.mono_usec();
        Ok(jpeg_picture(self.cutter.file(), mono_usec))
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
