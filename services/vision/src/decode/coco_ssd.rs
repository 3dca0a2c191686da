//! SSD with its boxes already decoded in the graph: `boxes` and `scores`.

use super::Needed;
use crate::Bounds;
use crate::nms::Candidate;

pub(super) fn needed(classes: i64) -> Vec<Needed> {
    vec![
        Needed {
            tensor: "boxes",
            shape: vec![1, 0, 1, 4],
        },
        Needed {
            tensor: "scores",
            shape: vec![1, 0, classes],
        },
    ]
}

/// Candidates with a score of at least `floor`. Boxes are top, left, bottom, right.
///
/// `classes` is the width of a row of scores, at least 1. Rows without a partner are ignored.
pub(crate) fn decode(boxes: &[f32], scores: &[f32], classes: usize, floor: f32) -> Vec<Candidate> {
    let rows = scores.chunks_exact(classes.max(1));
    let corners = boxes.chunks_exact(4);
    let mut candidates = Vec::new();
    for (row, corner) in rows.zip(corners) {
        // Most rows hold nothing: find that out with one pass that the compiler can vectorise.
        if row.iter().fold(0.0, |best: f32, score| best.max(*score)) < floor {
            continue;
        }
        let Some(bounds) = Bounds::new(corner[1], corner[0], corner[3], corner[2]) else {
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
