//! A whole node in a temporary root: all real daemons on one private bus, a real broker, and what
//! a person outside sees of it: HTTP and MQTT.
//!
//! The tests in `tests/it` take daemons away and watch the others.

pub mod assets;
pub mod browser;
pub mod http;
pub mod mqtt;
mod site;

pub use site::{Scene, Site};
