//! Integration tests of `vigla-enrolment`: its parts and the real binary against a strict registrar over TLS.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

#[path = "../../../fleet/tests/it/authority.rs"]
mod authority;
mod double;
mod faults;
mod life;
mod manual;
mod network;
mod node;
mod way;

/// The registrar, as its certificate names it.
const NAMES: [&str; 2] = ["localhost", "enrol.example"];
