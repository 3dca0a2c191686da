//! Several real daemons on one private bus, and what a person sees of them.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]
#![allow(
    clippy::print_stdout,
    reason = "what was skipped, and figures for whoever asks with --nocapture"
)]

mod arguments;
mod caller;
mod doctor;
mod faults;
mod fleet;
mod hostility;
mod looks;
mod operations;
mod outside;
mod page;
mod policy;
mod replay;
mod stranger;
mod upkeep;
mod values;
