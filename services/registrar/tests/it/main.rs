//! The registrar against a real API server. A device is what a test plays of it: its key and requests,
//! and what its kubelet would ask the API server for.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod appliance;
mod authority;
mod backup;
mod device;
mod enrol;
mod guard;
mod k3s;
mod load;
mod operator;
mod process;
mod programs;
mod report;
mod rig;
mod service;
mod trouble;
