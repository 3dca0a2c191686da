//! Owns the video devices and the frame rings; nobody else opens `/dev/video*`.
//!
//! ```text
//! uevents, sysfs ──► roster ──► a keeper per camera (its own thread)
//!                                 source ──► pipeline: masks, rings, JPEG, health
//!                                 board  ◄── what is known ──► bus: one object per camera
//! ```
//!
//! A camera has one capture thread for as long as the daemon lives. It opens its source, hands each
//! picture to the pipeline, and starts over when the source fails; the bus object only reads the
//! board and lets readers into the rings. Pictures never cross the bus, and with nobody looking
//! nothing is copied or encoded.
//!
//! Rooms: [`config`] what can be set; [`source`] where pictures come from; [`identity`] which camera
//! is which; [`sysfs`] and [`uevent`] what is plugged in; `roster` which cameras there are; `keeper` one
//! camera's life; [`pipeline`] one picture's way; [`mask`], [`health`], [`jpeg`] its stages. Not here: the
//! rings themselves (`vigla-frames`), and what the pictures show (`vigla-detector`).

pub mod board;
mod bus;
pub mod config;
pub mod doors;
pub mod encode;
pub mod health;
pub mod jpeg;
mod keeper;
pub mod mask;
pub mod metrics;
pub mod picture;
pub mod pipeline;
pub mod pulse;
mod roster;
pub mod source;

pub use config::Settings;
pub use roster::run;
