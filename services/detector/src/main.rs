//! `vigla-detector`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigla_kit::main(
        vigla_bus::names::DETECTOR,
        env!("CARGO_PKG_VERSION"),
        vigla_detector::run,
    )
}
