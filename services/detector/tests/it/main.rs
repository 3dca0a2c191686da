//! The real daemon on a private bus, in front of a camera that plays a script.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on says where; what is measured is said aloud"
)]

mod bench;
mod camera;
mod clip;
mod cost;
mod faults;
mod models;
mod scene;
