//! `vigla-camera`: owns the video devices and the frame rings.

use std::process::ExitCode;

fn main() -> ExitCode {
    vigla_kit::main(
        vigla_bus::names::CAMERA,
        env!("CARGO_PKG_VERSION"),
        vigla_camera::run,
    )
}
