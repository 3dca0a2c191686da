//! The owner's file from its bytes to what lies on a node.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests say what they expect"
)]

mod apply;
mod daemons;
mod hostile;
mod manual;
mod mistakes;
mod report;
mod reset;
mod stage;
