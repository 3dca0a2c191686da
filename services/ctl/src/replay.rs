//! `viglactl replay`: a saved clip under other settings, and which events would be others.
//!
//! ```text
//!              ┌──► vigla-replay (A: the settings in force) ──────► events ─┐
//! clip: frames ┤                                                            ├─► compare ─► answer
//!              └──► vigla-replay (B: SETTINGS laid over them) ────► events ─┘
//! ```
//!
//! Both get the same frames with the clip's own times, at once and without waiting. What is an event
//! the detector's own program says; here is only which of them belong together.

mod answer;
mod clip;
mod compare;
mod run;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::Replay;
use crate::config::{INSTALLED, program};
use crate::detect::{self, Problem};
use crate::fault::Fault;
use crate::out::Out;
use answer::{Answer, Side};
use clip::Clip;
use run::Run;

/// The program that replays.
const PROGRAM: &str = "vigla-replay";

pub(crate) fn run(options: &Replay, out: Out) -> Result<ExitCode, Fault> {
    let missing = || {
        Fault::unavailable(format!(
            "`{PROGRAM}` is not installed: it is neither beside this program nor in `{INSTALLED}`; it comes with the detector"
        ))
    };
    let program = program(PROGRAM).ok_or_else(missing)?;
    let named = |Problem(why)| Fault::because(format!("{}: {why}", options.file.display()));
    // Before the models are loaded: a wrong name is said at once.
    let mut clip = Clip::open(&options.file).map_err(named)?;
    let (mut a, mut b) = start(options, &program)?;
    check_camera(options, &a, &b)?;
    let mut progress = Progress::new(out);
    let mut end = Duration::ZERO;
    while let Some((time, jpeg)) = clip.next().map_err(named)? {
        a.feed(time, &jpeg)?;
        b.feed(time, &jpeg)?;
        end = time;
        progress.at(time);
    }
    clip.finish().map_err(named)?;
    let (a, b) = (side(a)?, side(b)?);
    progress.over();
    let answer = Answer {
        file: options.file.clone(),
        seconds: end.as_secs_f64(),
        within: options.within,
        difference: compare::compare(a.1, b.1, options.within),
        a: a.0,
        b: b.0,
    };
    if out.json() {
        out.value(&answer.json())?;
    } else {
        answer.print(&options.with, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Both runs, when both have said that they are ready.
fn start(options: &Replay, program: &Path) -> Result<(Run, Run), Fault> {
    let common = arguments(options);
    let mut over = common.clone();
    over.extend(["--over".into(), options.with.clone().into_os_string()]);
    let mut a = Run::start(program, &common)?;
    let mut b = Run::start(program, &over)?;
    // A mistake in force shows in both, and is not that of the file on top.
    let ready = b.ready();
    a.ready()
        .map_err(|fault| fault.within("the settings in force"))?;
    ready?;
    Ok((a, b))
}

fn arguments(options: &Replay) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    let mut add = |name: &str, value: OsString| words.extend([name.into(), value]);
    for dir in &options.config_dir {
        add("--config-dir", dir.into());
    }
    if let Some(camera) = &options.camera {
        add("--camera", camera.into());
    }
    for folder in detect::model_folders(&options.models) {
        add("--models", folder.into());
    }
    // Where the settings name none: it may only lie in the cache of a checkout.
    let cached = || detect::libraries().into_iter().find(|file| file.exists());
    if let Some(library) = options.library.clone().or_else(cached) {
        add("--library", library.into());
    }
    words
}

/// A camera that was named and that no settings name is a mistake, or the zones would silently miss.
fn check_camera(options: &Replay, a: &Run, b: &Run) -> Result<(), Fault> {
    let Some(camera) = &options.camera else {
        return Ok(());
    };
    let mut known: Vec<&str> = a
        .cameras()
        .iter()
        .chain(b.cameras())
        .map(String::as_str)
        .collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&camera.as_str()) {
        return Ok(());
    }
    let there = if known.is_empty() {
        String::from("they name none, leave `--camera` out")
    } else {
        format!("they name {}", known.join(", "))
    };
    Err(Fault::usage(format!(
        "no settings for a camera `{camera}`: {there}"
    )))
}

fn side(run: Run) -> Result<(Side, Vec<vigla_bus::detector::Event>), Fault> {
    let (model, camera) = run.who();
    let (events, done) = run.finish()?;
    let side = Side {
        model,
        camera,
        done,
        events: events.len(),
    };
    Ok((side, events))
}

/// How far it is, on a terminal: a line that is drawn over.
struct Progress {
    shown: Option<u64>,
    wanted: bool,
}

impl Progress {
    fn new(out: Out) -> Self {
        let wanted = !out.json() && std::io::stderr().is_terminal();
        let shown = None;
        Self { shown, wanted }
    }

    /// At `time` of the clip.
    fn at(&mut self, time: Duration) {
        if self.wanted && self.shown != Some(time.as_secs()) {
            self.shown = Some(time.as_secs());
            eprint!("\rreplayed {} s", time.as_secs());
        }
    }

    fn over(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over();
    }
}
