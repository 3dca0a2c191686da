//! One `vigla-replay`: fed with frames, read by a thread of its own, and its end as a sentence.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vigla_bus::detector::Event;

use super::PROGRAM;
use crate::detect::complaint;
use crate::fault::{CONFIG, Fault, UNAVAILABLE};
use crate::out::safe;

/// What it says, one a line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Ready(Ready),
    Event(Box<Event>),
    Done(Done),
}

/// The settings are sound, and the model has answered.
#[derive(Debug, Default, Clone, Deserialize)]
struct Ready {
    model: String,
    camera: String,
    cameras: Vec<String>,
}

/// The account of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Done {
    /// Frames of the clip.
    pub(super) frames: u64,
    /// Frames that were looked at.
    pub(super) looks: u64,
    /// Looks of the model; at the others nothing moved.
    pub(super) inferred: u64,
    /// Frames that could not be looked at.
    pub(super) unusable: u64,
}

/// A run of the detector's policy.
pub(super) struct Run {
    process: Child,
    input: Option<ChildStdin>,
    ready: Receiver<Ready>,
    said: Ready,
    answers: Option<JoinHandle<(Vec<Event>, Option<Done>)>>,
    complaints: Option<JoinHandle<String>>,
}

impl Run {
    /// Starts `program`; [`ready`](Self::ready) says whether it can.
    pub(super) fn start(program: &Path, arguments: &[OsString]) -> Result<Self, Fault> {
        let mut command = Command::new(program);
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = command.stderr(Stdio::piped()).spawn();
        let mut process = spawned
            .map_err(|error| Fault::failed(format!("run `{}`", program.display()), error))?;
        let (sender, ready) = channel();
        // Threads read both ends of it: whoever is not read stops for ever.
        let output = process.stdout.take();
        let answers = output.map(|output| std::thread::spawn(move || listen(output, &sender)));
        let errors = process.stderr.take();
        let complaints = errors.map(|e| std::thread::spawn(move || complaint::first_of(e)));
        Ok(Self {
            input: process.stdin.take(),
            process,
            ready,
            said: Ready::default(),
            answers,
            complaints,
        })
    }

    /// Waits until it has loaded settings and model, or says why it cannot.
    pub(super) fn ready(&mut self) -> Result<(), Fault> {
        match self.ready.recv() {
            Ok(ready) => {
                self.said = ready;
                Ok(())
            }
            Err(_) => Err(self.end()),
        }
    }

    /// Model and camera.
    pub(super) fn who(&self) -> (String, String) {
        (self.said.model.clone(), self.said.camera.clone())
    }

    /// The cameras that its settings name.
    pub(super) fn cameras(&self) -> &[String] {
        &self.said.cameras
    }

    /// Hands a frame over.
    pub(super) fn feed(&mut self, time: Duration, jpeg: &[u8]) -> Result<(), Fault> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let head = [time.to_le_bytes(), (jpeg.len() as u64).to_le_bytes()].concat();
        let fed = input.write_all(&head).and_then(|()| input.write_all(jpeg));
        fed.map_err(|_| self.end())
    }

    /// Its events and its account, when it has played all frames.
    pub(super) fn finish(mut self) -> Result<(Vec<Event>, Done), Fault> {
        drop(self.input.take());
        let answers = self.answers.take().and_then(|thread| thread.join().ok());
        match answers {
            Some((events, Some(done))) => Ok((events, done)),
            _ => Err(self.end()),
        }
    }

    /// Why it ended.
    fn end(&mut self) -> Fault {
        drop(self.input.take());
        let status = self.process.wait();
        let said = self.complaints.take().and_then(|t| t.join().ok());
        let said = said.unwrap_or_default();
        let name = format!("{PROGRAM}: ");
        let mut lines = said
            .lines()
            .map(|line| line.strip_prefix(&name).unwrap_or(line));
        let code = status
            .as_ref()
            .ok()
            .and_then(std::process::ExitStatus::code);
        let why = lines.next().map_or_else(
            || match status {
                Ok(status) => format!("`{PROGRAM}` ended without a word ({status})"),
                Err(error) => format!("`{PROGRAM}` is gone: {error}"),
            },
            safe,
        );
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(CONFIG) => Fault::config(why),
            Some(UNAVAILABLE) => Fault::unavailable(format!(
                "{why}; library and models can be named with `--library` and `--models`"
            )),
            _ => Fault::because(why),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads its answers to their end. What is no answer ends the listening, and so the run.
fn listen(output: ChildStdout, ready: &Sender<Ready>) -> (Vec<Event>, Option<Done>) {
    let (mut events, mut done) = (Vec::new(), None);
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            // Whoever waited for it may have ended.
            Ok(Line::Ready(said)) => drop(ready.send(said)),
            Ok(Line::Event(event)) => events.push(*event),
            Ok(Line::Done(account)) => done = Some(account),
            Err(_) => break,
        }
    }
    (events, done)
}
