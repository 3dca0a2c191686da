//! The registrar against a real API server. A device is what a test plays of it: its key and requests,
//! and what its kubelet would ask the API server for.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod device;
mod enrol;
mod guard;
mod load;
mod operator;
mod program;
mod rig;
mod service;
mod trouble;
