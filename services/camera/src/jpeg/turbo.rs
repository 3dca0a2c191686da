//! libjpeg-turbo where the safe wrapper is too narrow: planes in, planes out, warnings told apart.
//!
//! Masks and YUYV need planes re-encoded without a detour through RGB, and the health of a picture
//! depends on *what* the decoder grumbles about. This is the only unsafe code of this crate that
//! touches picture bytes: every buffer is sized by the library's own functions, just above the call.
//! [`Planes`] is a picture in memory, [`Decoder`] and [`Encoder`] are the ways to it and from it.

mod decoder;
mod encoder;
mod handle;
mod planes;

use std::ffi::c_int;

pub use self::decoder::Decoder;
pub use self::encoder::Encoder;
pub use self::planes::{Chroma, Planes};

/// Why a picture could not be decoded or encoded.
#[derive(Debug, thiserror::Error)]
pub enum TurboError {
    /// The library could not be set up: no memory.
    #[error("start the JPEG library")]
    Start,
    /// These bytes have no JPEG header.
    #[error("the picture is not a JPEG")]
    NotJpeg,
    /// More pixels than any camera of ours has.
    #[error("the picture has {width} x {height} pixels, too many")]
    TooLarge {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
    },
    /// What the library says.
    #[error("{0}")]
    Library(String),
}

/// How decoding went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soundness {
    /// Nothing to remark.
    Sound,
    /// Decoded, but data was missing or wrong: part of the picture is grey or shifted.
    Damaged,
}

/// Sizes here are at most 65,535 by the format of the file, so nothing is lost.
fn int(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests;
