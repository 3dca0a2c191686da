//! Integration tests of `viglactl`: the real binary, a private bus, stand-ins.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod bundle;
mod bus;
mod config;
mod detect;
mod material;
mod node;
mod tool;
mod watch;
