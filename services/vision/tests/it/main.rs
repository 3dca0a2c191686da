//! The library against the real ONNX Runtime, the shipped model and a real street clip.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says where; skipped parts are said aloud"
)]

mod assets;
mod catalogue;
mod engine;
mod scene;
mod steady;
