//! The binary: a name, a version, and [`vigla_updater::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    vigla_kit::main(
        vigla_bus::names::UPDATER,
        env!("CARGO_PKG_VERSION"),
        vigla_updater::run,
    )
}
