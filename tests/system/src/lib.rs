//! A whole node in a temporary root: all real daemons on one private bus, a real broker, and what
//! a person outside sees of it: HTTP and MQTT.
//!
//! The tests in `tests/it` take daemons away and watch the others.

pub mod assets;
mod base64;
pub mod browser;
pub mod http;
pub mod mqtt;
mod settings;
mod site;

pub use settings::Scene;
pub use site::{DEVICE, NOUNS, Site};
