//! `vigla-gateway`: see the crate's head.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigla_kit::main(
        vigla_bus::names::GATEWAY,
        env!("CARGO_PKG_VERSION"),
        vigla_gateway::run,
    )
}
