//! The mission gate: see [`vigla_updater::gate`]. Started once per boot by `vigla-gate.service`.
//!
//! Exit codes: 0 the slot is good, 1 it is not, 69 no system bus, 78 bad settings.
#![allow(clippy::print_stderr, reason = "its journal")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use vigla_bus::zbus::connection;
use vigla_kit::config::{self, PLACES};
use vigla_kit::{Clock, exit};
use vigla_updater::gate::Verdict;
use vigla_updater::gate::pass::{Gate, slot};
use vigla_updater::{Settings, fetch::http::Client, installer::Rauc, release, store::Store};

/// A peer that answers later than this has not answered.
const CALL: std::time::Duration = std::time::Duration::from_secs(10);

/// From the command line.
struct Options {
    places: Vec<PathBuf>,
    command_line: PathBuf,
    state: PathBuf,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("vigla-gate: {error}; options: --config-dir DIR, --command-line FILE");
            return ExitCode::from(exit::USAGE);
        }
    };
    let settings = match config::load::<Settings>("updater", &options.places) {
        Ok(loaded) => loaded.settings,
        Err(error) => return exit::exit("vigla-gate", &error.into(), exit::CONFIG),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let passed = runtime
        .context("start the runtime")
        .and_then(|runtime| runtime.block_on(pass(&options, &settings)));
    match passed {
        Ok(verdict) => report(verdict),
        Err(error) => exit::exit("vigla-gate", &error, exit::FAILED),
    }
}

fn report(verdict: Verdict) -> ExitCode {
    let (text, code) = match verdict {
        Verdict::Good => ("passed: this slot is good", ExitCode::SUCCESS),
        Verdict::GoodAndUnwell => (
            "not passed, but this version once did: it stays; see `viglactl update history`",
            ExitCode::from(exit::FAILED),
        ),
        Verdict::Stay => (
            "not passed, and there is nothing to go back to; see `viglactl update history`",
            ExitCode::from(exit::FAILED),
        ),
        Verdict::Leave => (
            "not passed: this version is left",
            ExitCode::from(exit::FAILED),
        ),
    };
    eprintln!("vigla-gate: {text}");
    code
}

async fn pass(options: &Options, settings: &Settings) -> anyhow::Result<Verdict> {
    let connect = || connection::Builder::system().method_timeout(CALL).build();
    let calls = connect().await.context("connect to the system bus")?;
    let signals = connect().await.context("connect to the system bus")?;
    let client = Client::new(&PathBuf::new()).context("read the authorities of the system")?;
    let gate = Gate {
        bus: &calls,
        installer: &Rauc::new(calls.clone(), signals),
        client: &client,
        store: &Store::new(&options.state),
        settings,
        slot: slot(&options.command_line)?,
        version: release::running(),
        clock: Clock::system(),
    };
    gate.pass().await
}

fn options() -> Result<Options, lexopt::Error> {
    use lexopt::prelude::Long;
    let mut parser = lexopt::Parser::from_env();
    let mut options = Options {
        places: Vec::new(),
        command_line: PathBuf::from("/proc/cmdline"),
        state: std::env::var_os("STATE_DIRECTORY")
            .map_or_else(|| PathBuf::from("/var/lib/vigla/updater"), PathBuf::from),
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("config-dir") => options.places.push(parser.value()?.into()),
            Long("command-line") => options.command_line = parser.value()?.into(),
            _ => return Err(argument.unexpected()),
        }
    }
    if options.places.is_empty() {
        options.places.extend(PLACES.map(PathBuf::from));
    }
    Ok(options)
}
