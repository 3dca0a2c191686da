//! The D-Bus contract of Vigla: names, wire types, proxies and errors, and no behaviour.
//!
//! One crate for all daemons, so that a client depends on a promise and never on the daemon
//! that keeps it, and so that a change of a promise is one visible diff.
//!
//! **To change a contract:** adding a property, a method, a signal or a key of an `a{sv}` is free.
//! Changing a meaning or a type, or removing, makes `org.vigla.X2`, served beside `X1` for a
//! release. After any change run `cargo xtask bus`, which rewrites `interfaces/*.xml` from the
//! served objects; a test compares them, and reviewers look at that diff first.
//!
//! Conventions: times are `t` microseconds since the Unix epoch and end in `_usec`; enumerations
//! are kebab-case strings whose unknown values mean "something newer", never an error; an absent
//! text is the empty string; boxes and points are shares of the picture, 0.0..=1.0, origin top left.
#![deny(missing_docs)]

pub mod address;
pub mod camera;
mod chain;
pub mod daemon;
pub mod detector;
pub mod enrolment;
mod error;
pub mod gateway;
pub mod metrics;
pub mod names;
pub mod problem;
pub mod reset;
pub mod updater;

pub use chain::chain;
pub use error::Error;
pub use problem::Problem;
pub use zbus;
