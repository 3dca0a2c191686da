//! The kit on a real private bus.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]
mod connections;
