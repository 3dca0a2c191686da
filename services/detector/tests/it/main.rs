//! The real daemon on a private bus, in front of a camera that plays a script.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on is to say where"
)]

mod bench;
mod camera;
mod clip;
mod faults;
mod models;
mod scene;
