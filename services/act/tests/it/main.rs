//! Requests good and hostile, on a temporary root and a system that only notes what it is told.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod acts;
mod hostile;
mod stage;
