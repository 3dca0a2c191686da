//! Owns the vision model and decides what counts as an event.
//!
//! ```text
//! camera ring ──► eye (a thread per camera) ──► engine (one thread) ──► eye: tracker, shapes,
//!                  decode, motion gate            the model              policy ──► record, events
//! ```
//!
//! An eye takes the newest frame of its camera, never a queue; what it finds goes as one record
//! per frame into a ring of its own, and as an event over the bus only when something happens.
//! Without library or model the daemon runs, says what to do, and publishes `no-model`.
//!
//! Rooms: [`config`] what can be set; `roster` which cameras there are; `eye` and `pace` when to look;
//! `sight` how detections are had (gate and model, or the truth of a synthetic picture); `scene`
//! what they mean; `policy` what is worth telling; `courier` how often; `chronicle` what was told;
//! [`engine`], `loader`, `shelf` the model; `bus` the object; `tell` its signals; [`replay`] the same on
//! a saved clip (a program of its own). Not here: decoding, inference, tracking and geometry
//! (`vigla-vision`), and the frames themselves (`vigla-frames`).

mod bus;
mod chronicle;
pub mod config;
mod courier;
pub mod engine;
mod eye;
mod loader;
mod metrics;
mod pace;
mod policy;
mod portrait;
mod pulse;
pub mod replay;
mod roster;
mod scene;
mod shapes;
mod shelf;
mod sight;
mod tell;
pub mod truth;
mod wiring;

pub use config::Settings;
pub use shelf::{Installed, LoadError, Shelf};
pub use wiring::{run, run_with};
