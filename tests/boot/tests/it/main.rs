//! One emulated board after the other: `cargo xtask test --boot`.

mod bad_bundles;
mod faults;
mod first_boot;
mod node;
mod owner;
mod pi;
mod power;
mod update;
