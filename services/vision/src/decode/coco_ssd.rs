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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_top_left_bottom_right_and_every_class_above_the_floor() {
        let boxes = [0.1, 0.2, 0.3, 0.4, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 2.0, 2.0];
        let scores = [0.0, 0.9, 0.3, 0.9, 0.9, 0.9, 0.05, 0.0, f32::NAN];
        let found = decode(&boxes, &scores, 3, 0.2);
        let classes: Vec<_> = found.iter().map(|one| (one.class, one.score)).collect();
        assert_eq!(classes, [(1, 0.9), (2, 0.3)]);
        assert_eq!(found[0].bounds.to_array(), [0.2, 0.1, 0.4, 0.3]);
        assert!(decode(&boxes[..3], &scores, 3, 0.2).is_empty());
    }

    proptest! {
        #[test]
        fn no_numbers_make_it_panic_or_leave_the_picture(
            boxes in prop::collection::vec(any::<f32>(), 0..40),
            scores in prop::collection::vec(any::<f32>(), 0..40),
            classes in 0..5_usize,
        ) {
            for found in decode(&boxes, &scores, classes, 0.1) {
                prop_assert!((0.1..=1.0).contains(&found.score));
                prop_assert!(found.bounds.to_array().iter().all(|edge| (0.0..=1.0).contains(edge)));
            }
        }
    }
}
