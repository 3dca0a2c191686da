//! An ffmpeg child that reads what we do not, and one that writes videos. Both die with us.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use super::mjpeg::Splitter;
use super::{Problem, complaint};

/// Only complaints.
const QUIET: &str = "error";

/// The pictures of a video, as JPEG.
pub(super) struct Pictures {
    child: Running,
    stdout: ChildStdout,
    splitter: Splitter,
    ended: bool,
}

impl Pictures {
    /// Starts to read `file` at `rate` pictures a second.
    pub(super) fn open(file: &Path, rate: f64) -> Result<Self, Problem> {
        let filter = format!("fps={rate}");
        Self::start(file, &["-vf", &filter], QUIET, complaint::first_of)
    }

    /// Starts to read `file` with the `extra` arguments; `listen` reads what ffmpeg says, as much as
    /// `talk` asks of it, and gives its complaints.
    pub(super) fn start(
        file: &Path,
        extra: &[&str],
        talk: &str,
        listen: impl FnOnce(ChildStderr) -> String + Send + 'static,
    ) -> Result<Self, Problem> {
        let mut command = ffmpeg(talk);
        command
            .args(["-protocol_whitelist", "file,pipe", "-i"])
            .arg(local(file))
            .args(["-map", "0:v:0"])
            .args(extra);
        command.args([
            "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p", "-f", "mjpeg", "pipe:1",
        ]);
        let mut child = Running::start(&mut command, Stdio::null(), Stdio::piped(), listen)?;
        let stdout = child
            .process
            .stdout
            .take()
            .ok_or_else(|| Problem::because("ffmpeg has no output"))?;
        Ok(Self {
            child,
            stdout,
            splitter: Splitter::default(),
            ended: false,
        })
    }

    /// The next picture; `None` at the end. An end with a complaint and without a picture is an
    /// error; one after pictures is the end of what could be read.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let mut piece = vec![0; 64 << 10];
        loop {
            let picture = self.splitter.next();
            if let Some(picture) =
                picture.map_err(|_| Problem::because("ffmpeg gave no JPEG pictures"))?
            {
                return Ok(Some(picture));
            }
            if self.ended {
                return Ok(None);
            }
            let length = self
                .stdout
                .read(&mut piece)
                .map_err(|error| Problem::at("read from ffmpeg", &error))?;
            self.ended = length == 0;
            self.splitter.push(&piece[..length]);
        }
    }

    /// What ffmpeg said, after the end.
    pub(super) fn complaint(mut self) -> Option<String> {
        self.child.end()
    }
}

/// A picture of any format as JPEG.
pub(crate) fn still(file: &Path) -> Result<Vec<u8>, Problem> {
    let one = ["-frames:v", "1"];
    let mut pictures = Pictures::start(file, &one, QUIET, complaint::first_of)?;
    let picture = pictures.next()?;
    let complaint = pictures.complaint();
    picture.ok_or_else(|| no_picture(complaint))
}

/// The problem with a file out of which no picture came.
pub(crate) fn no_picture(complaint: Option<String>) -> Problem {
    Problem::because(complaint.unwrap_or_else(|| String::from("there is no picture in it")))
}

/// A video that is written picture by picture.
pub(super) struct Film {
    child: Running,
    stdin: Option<ChildStdin>,
}

impl Film {
    /// Starts to write `file`, whose name decides the format.
    pub(super) fn create(file: &Path, rate: f64) -> Result<Self, Problem> {
        let mut command = ffmpeg(QUIET);
        command.args([
            "-y",
            "-f",
            "mjpeg",
            "-framerate",
            &rate.to_string(),
            "-i",
            "pipe:0",
        ]);
        // Motion JPEG in AVI plays anywhere and needs no encoder that may be absent. (Copied instead
        // of encoded, ffmpeg 5 writes twice the rate and empty frames between.)
        if file
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("avi"))
        {
            command.args(["-c:v", "mjpeg", "-q:v", "3"]);
        } else {
            command.args([
                "-pix_fmt",
                "yuv420p",
                "-vf",
                "pad=ceil(iw/2)*2:ceil(ih/2)*2",
            ]);
        }
        command.arg(local(file));
        let mut child = Running::start(
            &mut command,
            Stdio::piped(),
            Stdio::null(),
            complaint::first_of,
        )?;
        let stdin = child.process.stdin.take();
        Ok(Self { child, stdin })
    }

    /// Adds a picture.
    pub(super) fn add(&mut self, jpeg: &[u8]) -> Result<(), Problem> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        if let Err(error) = stdin.write_all(jpeg) {
            self.stdin = None;
            let complaint = self.child.end().unwrap_or_else(|| error.to_string());
            return Err(Problem::because(format!(
                "cannot write the annotated video: {complaint}"
            )));
        }
        Ok(())
    }

    /// Ends the video.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        drop(self.stdin.take());
        match self.child.end() {
            Some(complaint) => Err(Problem::because(format!(
                "cannot write the annotated video: {complaint}"
            ))),
            None => Ok(()),
        }
    }
}

/// A file, never an address: without the prefix a name like `http:x` would be one.
fn local(file: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(file);
    name
}

fn ffmpeg(talk: &str) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-nostats", "-v", talk]);
    command
}

/// A child and what it complains about.
struct Running {
    process: Child,
    complaints: Option<JoinHandle<String>>,
}

impl Running {
    fn start(
        command: &mut Command,
        stdin: Stdio,
        stdout: Stdio,
        listen: impl FnOnce(ChildStderr) -> String + Send + 'static,
    ) -> Result<Self, Problem> {
        let spawned = command
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn();
        let mut process = spawned.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Problem::because("the program `ffmpeg` is missing, which this file needs; install the package `ffmpeg`")
            }
            _ => Problem::at("start ffmpeg", &error),
        })?;
        // Somebody must read it, or a talkative ffmpeg stops for ever.
        let complaints = process
            .stderr
            .take()
            .map(|stderr| std::thread::spawn(move || listen(stderr)));
        Ok(Self {
            process,
            complaints,
        })
    }

    /// Waits for its end: why, if it did not end well.
    fn end(&mut self) -> Option<String> {
        let well = self.process.wait().is_ok_and(|status| status.success());
        let said = self
            .complaints
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        (!well).then(|| complaint::cause(&said))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
