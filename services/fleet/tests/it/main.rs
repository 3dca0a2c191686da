//! Device and registrar through the types that they share.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod authority;
mod grants;
mod requests;
#[cfg(feature = "tls")]
mod tls;

/// The registrar, as its certificate names it.
const NAMES: [&str; 1] = ["enrol.example"];
