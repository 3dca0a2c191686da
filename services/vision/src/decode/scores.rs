//! What every decoder does with its scores: rows of one number per class, and a box per row.

use crate::Bounds;
use crate::nms::Candidate;

/// A candidate for each score of at least `floor`, in the box that `bounds` knows for its row.
/// Rows without one are left out.
///
/// `classes` is the width of a row, at least 1.
pub(super) fn candidates(
    scores: &[f32],
    classes: usize,
    floor: f32,
    mut bounds: impl FnMut(usize) -> Option<Bounds>,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (index, row) in scores.chunks_exact(classes.max(1)).enumerate() {
        // Most rows hold nothing: find that out with one pass that the compiler can vectorise, which it
        // does with a count and not with a search or a greatest.
        let found: u32 = row.iter().map(|score| u32::from(*score >= floor)).sum();
        if found == 0 {
            continue;
        }
        let Some(bounds) = bounds(index) else {
            continue;
        };
        for (class, score) in (0_u16..).zip(row) {
            if *score >= floor {
                candidates.push(Candidate {
                    class,
                    score: score.min(1.0),
                    bounds,
                });
            }
        }
    }
    candidates
}
