//! `xtask` as a program.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod bench;
