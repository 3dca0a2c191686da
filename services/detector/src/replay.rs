//! `vigla-replay`: what the detector would have said of a clip under given settings.
//!
//! ```text
//! stdin: frames with     ┌─ pace ─┐   ┌──── the daemon's own ────┐
//! their own times ──────►│ which  ├──►│ sight ─► engine ─► scene │──► stdout: a JSON line each
//!                        └────────┘   └──────────────────────────┘    for ready, event, done
//! ```
//!
//! Gate, model, tracker, zones, lines, thresholds and policy are the rooms that the daemon runs; only
//! the eye is another one, because its clock is the clip's: it keeps the daemon's beat, a look takes no time, and
//! nobody waits. So the same frames and the same settings give the same events, as fast as the processor allows.
//!
//! `viglactl replay` starts it twice and compares. It is a program of this crate since nobody may
//! depend on a daemon, and what counts as an event is to stay in one place.

mod args;
mod looker;
mod pace;
mod wire;

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use vigla_kit::exit::{self, exit};
use vigla_kit::{ConfigError, config};

use crate::engine::Engine;
use crate::shelf::{Installed, LoadError, Shelf as _};
use crate::{Settings, truth};
use args::{NAME, Options, Request};
use looker::{Looker, Use};
use pace::Picker;
use wire::{Frames, Line};

/// Runs the program from its command line to its exit code.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "answers to --help and bad usage"
)]
pub fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Request::Run(options)) => {
            let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
            match run(&options, BufReader::new(input), BufWriter::new(output)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => exit(NAME, &error, code_of(&error)),
            }
        }
        Ok(Request::Print(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{NAME}: {error}; see --help");
            ExitCode::from(exit::USAGE)
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<ConfigError>().is_some() {
        exit::CONFIG
    } else if matches!(
        error.downcast_ref(),
        Some(LoadError::Library(_) | LoadError::Find(_) | LoadError::NotInstalled(_))
    ) {
        exit::UNAVAILABLE
    } else {
        exit::FAILED
    }
}

fn run(options: &Options, input: impl Read, output: impl Write) -> anyhow::Result<()> {
    let settings = settings(options)?;
    let model = match settings.engine_model() {
        Some(name) => {
            let shelf = Installed::from_settings(&settings);
            Some(shelf.load(name, &settings.version)?)
        }
        None => None,
    };
    let (engine, door) = Engine::new();
    std::thread::scope(|scope| {
        // Its end is the end of the last door, which the looker holds.
        scope.spawn(|| engine.run(|| (), || false));
        let looks = model.as_ref().map_or_else(
            || truth::NAME.to_owned(),
            |model| {
                let manifest = model.manifest();
                format!("{}@{}", manifest.name, manifest.version)
            },
        );
        if let Some(model) = model {
            door.swap(model).context("start the engine")?;
        }
        let camera = camera(options, &settings)?;
        let looker = Looker::new(&settings, &camera, door)?;
        let ready = Line::Ready {
            model: looks,
            camera,
            cameras: settings.camera.keys().cloned().collect(),
        };
        play(looker, settings.rate.period(), &ready, input, output)
    })
}

/// The settings in force, with the file on top; library and models may be elsewhere, too.
fn settings(options: &Options) -> anyhow::Result<Settings> {
    config::there(&options.dirs)?;
    let loaded =
        config::load_under::<Settings>("detector", &options.dirs, options.over.as_deref())?;
    let mut settings = loaded.settings;
    if settings.library.as_os_str().is_empty() {
        settings.library = options.library.clone().unwrap_or_default();
    }
    if !options.models.is_empty() {
        settings.model_dirs = folders(&options.models, &settings.model_dirs);
        // Words that were unknown before may be known now.
        vigla_kit::Settings::check(&settings, &loaded.locator)?;
    }
    Ok(settings)
}

/// Where models may be. Those of the settings are `own`, and come last: a later folder wins. One that both
/// name is one.
fn folders(named: &[PathBuf], own: &[PathBuf]) -> Vec<PathBuf> {
    let named = named.iter().filter(|folder| !own.contains(folder));
    named.chain(own).cloned().collect()
}

/// Whose settings apply: those of the camera that was named, or of the only one that has any.
fn camera(options: &Options, settings: &Settings) -> anyhow::Result<String> {
    if let Some(camera) = &options.camera {
        return Ok(camera.clone());
    }
    let mut named = settings.camera.keys();
    match (named.next(), named.next()) {
        (None, _) => Ok(String::from("clip")),
        (Some(only), None) => Ok(only.clone()),
        (Some(_), Some(_)) => {
            let named: Vec<_> = settings.camera.keys().map(String::as_str).collect();
            anyhow::bail!(
                "the settings name several cameras: say whose clip it is with `--camera`, one of {}",
                named.join(", ")
            )
        }
    }
}

/// Every frame goes through the pace, and what it lets through is looked at.
fn play(
    mut looker: Looker,
    period: std::time::Duration,
    ready: &Line,
    input: impl Read,
    mut output: impl Write,
) -> anyhow::Result<()> {
    ready.write(&mut output)?;
    output.flush().context("answer")?;
    let mut frames = Frames::new(input);
    let mut pace = Picker::new(period);
    while let Some(frame) = frames.next()? {
        // One after the other: whether a look was of use says which frame is the next.
        if let Some(held) = pace.overdue(frame.time) {
            look(&mut looker, &mut pace, &held, &mut output)?;
        }
        if let Some(due) = pace.offer(frame) {
            look(&mut looker, &mut pace, &due, &mut output)?;
        }
    }
    if let Some(last) = pace.rest() {
        looker.look(&last, &mut output)?;
    }
    looker.done(frames.count()).write(&mut output)?;
    output.flush().context("answer")
}

fn look(
    looker: &mut Looker,
    pace: &mut Picker,
    frame: &wire::Frame,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    if looker.look(frame, output)? == Use::None {
        pace.useless();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_models_is_looked_through_once() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let all = folders(&paths(&["/usr", "/here"]), &paths(&["/usr", "/var"]));
        assert_eq!(all, paths(&["/here", "/usr", "/var"]));
    }
}
