//! Integration tests of `vigla-camera`: the real daemon on a private bus, with a stand-in for V4L2.
#![allow(missing_docs, reason = "a test binary")]
#![allow(
    clippy::unwrap_used,
    reason = "shared functions of tests may panic too"
)]

mod faults;
mod hotplug;
mod life;
mod policy;
mod replay;
mod rings;
mod rtsp;
mod shim;
mod stage;
