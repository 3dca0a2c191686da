//! One emulated board after the other: `cargo xtask test --boot`.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(clippy::print_stdout, reason = "figures for whoever reads along")]

mod bad_bundles;
mod delta;
mod faults;
mod first_boot;
mod node;
mod owner;
mod pi;
mod power;
mod update;
