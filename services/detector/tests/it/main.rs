//! The real daemon on a private bus, in front of a camera that plays a script.

mod bench;
mod camera;
mod clip;
mod faults;
mod models;
mod scene;
