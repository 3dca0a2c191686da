//! From the numbers of a model to boxes: one decoder per family of models.
//!
//! Decoders are pure and check every length first, so that a model of another shape is an error
//! and never an index out of bounds.

pub(crate) mod coco_ssd;
pub(crate) mod nanodet;

use crate::manifest::Decoder;

/// An output that a decoder needs: its name and its shape for so many classes, with 0 where any
/// size will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) tensor: &'static str,
    pub(crate) shape: Vec<i64>,
}

/// The outputs of a decoder, in the order in which it wants them.
pub(crate) fn needed(decoder: Decoder, width: u32, height: u32, classes: usize) -> Vec<Needed> {
    let classes = i64::try_from(classes).unwrap_or(i64::MAX);
    match decoder {
        Decoder::CocoSsd => coco_ssd::needed(classes),
        Decoder::NanoDet => nanodet::needed(width, height, classes),
    }
}

/// Whether a shape fits what a decoder needs. A model may leave a size open (-1) in its
/// description; what it answers has all of them.
pub(crate) fn fits(found: &[i64], needed: &[i64]) -> bool {
    found.len() == needed.len()
        && found
            .iter()
            .zip(needed)
            .all(|(found, needed)| *needed == 0 || *found == -1 || found == needed)
}
