//! Integration tests of `vigla-updater`: the real binaries, a real bus, RAUC itself where it runs.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod bundles;
mod corpus;
mod delta;
mod fakes;
mod flow;
mod gate;
mod manual;
mod node;
mod nonsense;
mod rauc;
