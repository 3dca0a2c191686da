//! `viglactl`: the one human tool on the device.
//!
//! It asks the services over the system bus and prints what they say, as text for people or, with
//! `--json`, as one object for programs; `detect` and `replay` need no service at all. It decides nothing, keeps
//! nothing, and every command is one module: parse (`cli`), ask (`client`), print (`out`).
//! Results go to standard output, talk to standard error, and a failure never exits 0.
#![allow(
    clippy::print_stderr,
    reason = "a program for people; results go through `out`"
)]

mod annotate;
mod blackbox;
mod bundle;
mod camera;
mod cli;
mod client;
mod config;
mod detect;
mod detector;
mod doctor;
mod enrolment;
mod fault;
mod out;
mod queue;
mod replay;
mod reset;
mod status;
mod token;
mod update;
mod watch;

use std::future::Future;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Camera, Cli, Command, Detector, Enrolment, Metrics, Token, Update};
use crate::client::Client;
use crate::fault::Fault;
use crate::out::Out;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let out = Out::new(cli.json);
    match run(cli.command, out) {
        Ok(code) => code,
        Err(fault) if fault.is_broken_pipe() => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("viglactl: {fault}");
            fault.code()
        }
    }
}

/// Help and version are answers; everything else is a mistake of the caller.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe while printing help is nobody's fault.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(fault::USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

fn run(command: Command, out: Out) -> Result<ExitCode, Fault> {
    match command {
        Command::Detect(options) => detect::run(&options, out),
        Command::Replay(options) => replay::run(&options, out),
        Command::Config(cli::Config::Check(options)) => config::check(&options, out),
        Command::Doctor => alone(doctor::run(out)),
        Command::SupportBundle(options) => alone(async { bundle::run(&options, out).await }),
        Command::Status => on_bus(async |client| status::run(&client, out).await),
        Command::Metrics(Metrics::Blackbox) => {
            on_bus(async |client| blackbox::run(&client, out).await)
        }
        Command::Metrics(Metrics::Queue) => on_bus(async |client| queue::run(&client, out).await),
        Command::Watch(options) => on_bus(async |client| watch::run(&client, &options, out).await),
        Command::Update(command) => on_bus(async |client| on_update(&client, command, out).await),
        Command::Enrolment(command) => {
            on_bus(async |client| on_enrolment(&client, command, out).await)
        }
        Command::Reset(options) => reset::run(&options, out),
        Command::Token(command) => on_bus(async |client| on_token(&client, command, out).await),
        Command::Camera(command) => on_bus(async |client| on_camera(&client, command, out).await),
        Command::Detector(command) => {
            on_bus(async |client| on_detector(&client, command, out).await)
        }
    }
}

async fn on_camera(client: &Client, command: Camera, out: Out) -> Result<ExitCode, Fault> {
    match command {
        Camera::List => camera::list(client, out).await,
        Camera::Show { camera } => camera::show(client, &camera, out).await,
        Camera::Controls { camera } => camera::controls(client, &camera, out).await,
        Camera::Set {
            camera,
            control,
            value,
        } => camera::set(client, &camera, &control, value, out).await,
        Camera::Snapshot(options) => camera::snapshot(client, &options, out).await,
    }
}

async fn on_detector(client: &Client, command: Detector, out: Out) -> Result<ExitCode, Fault> {
    match command {
        Detector::Status => detector::status(client, out).await,
        Detector::Load { model, version } => detector::load(client, &model, &version, out).await,
        Detector::Events(options) => detector::events(client, &options, out).await,
    }
}

async fn on_update(client: &Client, command: Update, out: Out) -> Result<ExitCode, Fault> {
    match command {
        Update::Status => update::status(client, out).await,
        Update::Check => update::check(client, out).await,
        Update::Install(order) => update::install(client, &order, out).await,
        Update::Rollback => update::rollback(client, out).await,
        Update::History { limit } => update::history(client, limit, out).await,
    }
}

async fn on_enrolment(client: &Client, command: Enrolment, out: Out) -> Result<ExitCode, Fault> {
    match command {
        Enrolment::Status => enrolment::status(client, out).await,
        Enrolment::Check => enrolment::check(client, out).await,
        Enrolment::Retry => enrolment::retry(client, out).await,
    }
}

async fn on_token(client: &Client, command: Token, out: Out) -> Result<ExitCode, Fault> {
    match command {
        Token::Create(options) => token::create(client, &options, out).await,
        Token::List => token::list(client, out).await,
        Token::Revoke { id } => token::revoke(client, &id, out).await,
    }
}

pub(crate) fn on_bus<F>(work: impl FnOnce(Client) -> F) -> Result<ExitCode, Fault>
where
    F: Future<Output = Result<ExitCode, Fault>>,
{
    alone(async { work(Client::connect().await?).await })
}

/// What asks for the bus itself, if at all.
fn alone(work: impl Future<Output = Result<ExitCode, Fault>>) -> Result<ExitCode, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Fault::failed("start the runtime", error))?;
    runtime.block_on(work)
}
