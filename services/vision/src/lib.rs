//! Seeing: from the bytes of a picture to objects with an identity.
//!
//! ```text
//! frame bytes ──► picture ──► engine ──► decode + nms ──► track ──► zone
//!          └────► thumbnail ──► gate: need the engine look at all?
//! ```
//!
//! [`catalogue`] finds models and [`manifest`] says what each one takes and gives; [`engine`] runs
//! one with ONNX Runtime, loaded at run time by [`library`]. [`look`] decides what of a frame is
//! decoded at all: [`picture`] and [`gate`] in the cheapest order. Everything after the engine is data
//! and functions: no clock, no files, no threads. Time is passed in as a [`Duration`] since any
//! fixed point (the detector uses the frame's monotonic time).
//!
//! The library knows nothing of cameras, the bus or configuration files; it is used by the
//! detector and by `viglactl detect`.
//!
//! [`Duration`]: std::time::Duration

#![deny(missing_docs)]
#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::float_cmp,
        clippy::similar_names,
        reason = "tests compute with small whole numbers"
    )
)]

pub mod canned;
pub mod catalogue;
mod decode;
pub mod detection;
pub mod engine;
pub mod gate;
pub mod label;
pub mod library;
pub mod look;
pub mod manifest;
pub mod model;
mod near;
mod nms;
pub mod picture;
pub mod track;
pub mod zone;

pub use canned::Canned;
pub use catalogue::Catalogue;
pub use detection::{Bounds, Detection};
pub use engine::Engine;
pub use label::Labels;
pub use library::Library;
pub use look::Look;
pub use manifest::Manifest;
pub use model::{InferError, Model};
pub use picture::Picture;
