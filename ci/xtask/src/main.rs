//! `cargo xtask`: the front door of the repository. It sets the machine up and runs, tests and
//! checks Vigla; whoever needs more than five lines of shell writes them here instead.
//!
//! It knows the `dist/` trees, cargo and Debian's packages; it links none of our daemons (but the readers of
//! the owner's files, and the control plane of the tests), so that it compiles soon. Every verb ends with one of five exit codes ([`stop`]).

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod build;
mod bus;
mod check;
mod dist;
mod emulate;
mod fetch;
mod flash;
mod image;
mod kube;
mod layer;
mod network;
mod packages;
mod places;
mod process;
mod run;
mod say;
mod signals;
mod sim;
mod stop;
mod test;

/// Runs, tests and checks Vigla.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
#[command(
    after_help = "Exit codes: 0 ended as asked, 1 failed, 2 usage, 69 something is missing that only you can install, 78 bad settings."
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Sets up what is missing, builds, and runs all services on this machine until Ctrl-C
    Run(run::Options),
    /// Sets up what is missing, builds, and runs all tests
    Test(test::Options),
    /// Checks format, lints, licences, documentation, units, bus policy, golden XML and more
    Check(check::Options),
    /// Builds the twin image from Debian packages and the services, for a card or for QEMU
    Image(image::Options),
    /// Checks the Yocto layer with real BitBake, without building it
    Layer(layer::Options),
    /// Writes an image to a card, with your vigla.toml on it
    Flash(flash::Options),
    /// Boots an image in QEMU, with the page on 127.0.0.1:8080 and a shell on this terminal
    Boot(emulate::Options),
    /// Builds the image of the registrar for the cloud, for amd64 and arm64
    Oci(image::oci::Options),
    /// Makes a delta between two bundles, for the nodes that run the older one
    Delta(image::delta::Options),
    /// Changes the slot that was built last in a few files and signs it as an update
    #[command(hide = true)]
    Bundle(image::remake::Options),
    /// Runs a program of the tree of image tools
    #[command(hide = true)]
    Tool(emulate::ToolOptions),
    /// Measures what Vigla costs, as ratios against a peer or a limit in the same run
    Bench(bench::Options),
    /// Unpacks the Kubernetes control plane that tests of the cloud's side talk to
    Kube(kube::Options),
    /// Simulates devices and registrars over a network where everything goes wrong, by many seeds
    Sim(sim::Options),
    /// Rewrites the golden descriptions of our D-Bus interfaces from the served objects
    Bus(bus::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = signals::watch().and_then(|()| match arguments.verb {
        Verb::Run(options) => run::run(&options),
        Verb::Test(options) => test::run(&options),
        Verb::Check(options) => check::run(&options),
        Verb::Image(options) => image::run(&options),
        Verb::Layer(options) => layer::run(&options),
        Verb::Flash(options) => flash::run(&options),
        Verb::Boot(options) => emulate::run(&options),
        Verb::Oci(options) => image::oci::run(&options),
        Verb::Delta(options) => image::delta::run(&options),
        Verb::Bundle(options) => image::remake::run(&options),
        Verb::Tool(options) => emulate::tool(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Kube(options) => kube::run(&options),
        Verb::Sim(options) => sim::run(&options),
        Verb::Bus(options) => bus::run(&options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::trouble(format_args!("xtask: {error:#}"));
            ExitCode::from(stop::code(&error))
        }
    }
}
