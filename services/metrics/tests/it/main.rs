//! Integration tests of `vigla-metrics`: a real broker, a real bus, the real binary.
#![allow(missing_docs, reason = "a test binary")]
#![allow(
    clippy::print_stdout,
    reason = "figures for whoever asks with --nocapture"
)]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod authority;
mod blackbox;
mod broker;
mod bus;
mod counting;
mod disks;
mod host;
mod kills;
mod life;
mod listener;
mod manual;
mod node;
mod nonsense;
mod peer;
mod queue;
mod ramdisk;
mod schemas;
mod secure;
mod sink;
mod updates;
