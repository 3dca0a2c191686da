//! The binary: a name, a version, and [`vigla_enrolment::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    vigla_kit::main(
        vigla_bus::names::ENROLMENT,
        env!("CARGO_PKG_VERSION"),
        vigla_enrolment::run,
    )
}
