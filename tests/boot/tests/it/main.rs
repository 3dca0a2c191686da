//! One emulated board after the other: `cargo xtask test --boot`.

mod faults;
mod first_boot;
mod node;
mod pi;
mod update;
