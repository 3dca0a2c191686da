//! State on a temporary root: power cuts, older and newer slots, resets.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests say what they expect"
)]

mod reset;
mod stage;
mod versions;
