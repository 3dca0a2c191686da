//! From the numbers of a model to boxes: one decoder per family of models.
//!
//! Decoders are pure. That a model has the tensors is checked by the engine's contract; numbers
//! that are too few are never an index out of bounds.

mod coco_ssd;
mod nanodet;
mod scores;

use crate::manifest::{Decoder, Manifest};
use crate::nms::Candidate;

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

/// Candidates with at least the manifest's floor as score, in shares of the input. `tensors` are
/// those of [`needed`], in that order; one that is missing or short holds nothing.
pub(crate) fn decode(manifest: &Manifest, tensors: &[&[f32]]) -> Vec<Candidate> {
    let (floor, classes) = (manifest.output.score_floor, manifest.labels.classes());
    match (manifest.decoder, tensors) {
        (Decoder::CocoSsd, [boxes, scores]) => coco_ssd::decode(boxes, scores, classes, floor),
        (Decoder::CocoSsd, _) => Vec::new(),
        (Decoder::NanoDet, tensors) => {
            let size = (manifest.input.width, manifest.input.height);
            nanodet::decode(tensors, size, classes, floor)
        }
    }
}
