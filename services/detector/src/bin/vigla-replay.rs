//! `vigla-replay`: see `replay` in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigla_detector::replay::main()
}
