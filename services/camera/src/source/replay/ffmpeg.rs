//! Any video through an `ffmpeg` child that writes JPEGs to a pipe.
//!
//! No shell. A file is named as `file:PATH`, so that no name can mean an option or a protocol; a
//! network address goes in through standard input as a playlist, because a command line can be
//! read by everybody on the machine and the address holds the password. The child dies with the
//! thread that started it (parent-death signal), so that not even SIGKILL leaves one behind.

use std::ffi::OsString;
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

use super::Wish;
use super::url::{Address, Credentials};
use crate::jpeg::{self, stream::Cutter};
use crate::picture::{Format, Picture};
use crate::source::{Source, SourceError};

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
    complaints: ChildStderr,
    credentials: Option<Credentials>,
    /// What it plays, as it may be shown; the child knows an address as `pipe:0`.
    shown: String,
    /// The last thing it said.
    last_words: String,
    cutter: Cutter,
    piece: Vec<u8>,
    clock: Clock,
}

impl Ffmpeg {
    /// Starts the child; returns before it has opened its input.
    pub fn start(input: &Input, wish: Wish, clock: Clock) -> Result<Self, SourceError> {
        let mut command = Command::new("ffmpeg");
        command
            .args(arguments(input, wish))
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
            let _ = stdin.write_all(playlist(input).as_bytes());
        }
        let (Some(pictures), Some(complaints)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SourceError::Child(io::Error::other("no pipe")));
        };
        for pipe in [pictures.as_fd(), complaints.as_fd()] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
                .map_err(|errno| SourceError::Child(errno.into()))?;
        }
        Ok(Self {
            child,
            pictures,
            complaints,
            credentials: match input {
                Input::Network(_, credentials) => credentials.clone(),
                Input::File(_) => None,
            },
            shown: match input {
                Input::Network(address, _) => address.to_string(),
                Input::File(path) => path.display().to_string(),
            },
            last_words: String::new(),
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
            PollFd::new(self.complaints.as_fd(), PollFlags::POLLIN),
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

    /// Keeps the last line of what the child complains about.
    fn listen(&mut self) {
        let mut piece = [0; 4 << 10];
        while let Ok(count @ 1..) = self.complaints.read(&mut piece) {
            let text = String::from_utf8_lossy(&piece[..count]);
            let said = match &self.credentials {
                Some(credentials) => credentials.redact(&text),
                None => text.into_owned(),
            };
            if let Some(line) = said.lines().rfind(|line| !line.trim().is_empty()) {
                let line = line.trim().replace("pipe:0", &self.shown);
                self.last_words = line.chars().take(300).collect();
            }
            tracing::debug!(said = %said.trim(), "ffmpeg");
        }
    }

    fn ended(&mut self) -> SourceError {
        let _ = self.child.kill();
        let status = self.child.wait();
        self.listen();
        let words = std::mem::take(&mut self.last_words);
        SourceError::Ended(match status {
            _ if !words.is_empty() => words,
            Ok(status) => format!("ffmpeg ended with {status}"),
            Err(error) => error.to_string(),
        })
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
        let bytes = self.cutter.file();
        Ok(jpeg::size(bytes).map(|(width, height)| Picture {
            format: Format::Mjpg,
            width,
            height,
            bytes,
            mono_usec,
            damaged: false,
        }))
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command line, which anybody may read.
fn arguments(input: &Input, wish: Wish) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["-hide_banner", "-loglevel", "error", "-threads", "1"]
        .map(OsString::from)
        .into();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    match input {
        Input::File(path) => {
            // Whitelist: a playlist in disguise must not reach the network.
            add(&[
                "-nostdin",
                "-protocol_whitelist",
                "file,pipe",
                "-re",
                "-stream_loop",
                "-1",
                "-i",
            ]);
            let mut name = OsString::from("file:");
            name.push(path);
            arguments.push(name);
        }
        Input::Network(..) => {
            add(&["-f", "concat", "-safe", "0", "-protocol_whitelist"]);
            add(&[
                "pipe,rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto",
                "-i",
                "pipe:0",
            ]);
        }
    }
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    add(&["-map", "0:v:0"]);
    if let Some(filter) = filter(wish) {
        add(&["-vf", &filter]);
    }
    // yuvj420p is what every JPEG decoder takes; quality 4 is about 85 of libjpeg's hundred.
    add(&[
        "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "4", "-f", "mjpeg", "pipe:1",
    ]);
    arguments
}

fn filter(wish: Wish) -> Option<String> {
    let rate = wish.rate.map(|rate| format!("fps={rate}"));
    let size = wish.size.map(|(width, height)| {
        format!(
            "scale=w='min({width},iw)':h='min({height},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2"
        )
    });
    let filters: Vec<String> = rate.into_iter().chain(size).collect();
    (!filters.is_empty()).then(|| filters.join(","))
}

/// What goes in through standard input: for a network camera its address, for nobody else to see.
fn playlist(input: &Input) -> String {
    match input {
        Input::File(_) => String::new(),
        Input::Network(address, credentials) => {
            let address = address.with_credentials(credentials.as_ref());
            // Over TCP: lost UDP packets are torn pictures. The timeout is in microseconds.
            format!(
                "ffconcat version 1.0\nfile '{address}'\noption rtsp_transport tcp\noption timeout 10000000\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Input {
        let address = Address::parse("rtsp://127.0.0.1:9/live").unwrap();
        Input::Network(address, Credentials::parse("admin:s3cret"))
    }

    #[test]
    fn the_command_line_never_shows_a_password() {
        let line = format!("{:?}", arguments(&network(), Wish::default()));
        assert!(
            !line.contains("s3cret") && !line.contains("127.0.0.1"),
            "{line}"
        );
        assert!(playlist(&network()).contains("admin:s3cret@"));
    }

    #[test]
    fn a_file_name_is_never_an_option() {
        let input = Input::File("-y /tmp/x.mp4".into());
        let wish = Wish {
            rate: Some(5.0),
            size: Some((640, 360)),
        };
        let line = arguments(&input, wish);
        assert!(line.contains(&OsString::from("file:-y /tmp/x.mp4")));
        assert!(
            line.iter()
                .any(|word| word.to_string_lossy().starts_with("fps=5,scale="))
        );
    }
}
