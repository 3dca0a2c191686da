//! The binary: a name, a version, and [`vigla_metrics::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    vigla_kit::main(
        vigla_bus::names::METRICS,
        env!("CARGO_PKG_VERSION"),
        vigla_metrics::run,
    )
}
