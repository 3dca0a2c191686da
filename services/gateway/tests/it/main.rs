//! The real gateway on a private bus with the shipped policy, with a camera and a detector of our
//! own that have real rings.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod abuse;
mod client;
mod contract;
mod endings;
mod fleet;
mod hostile;
mod limits;
mod login;
mod outages;
mod pictures;
mod reach;
mod secure;
mod serving;
mod settings;
mod siege;
mod stage;
mod streams;
mod updater;
