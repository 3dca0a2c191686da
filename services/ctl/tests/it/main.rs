//! Integration tests of `viglactl`: the real binary, a private bus, fake services.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod bus;
mod config;
mod detect;
mod peers;
mod tool;
mod watch;
