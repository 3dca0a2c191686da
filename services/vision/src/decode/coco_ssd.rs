//! SSD with its boxes already decoded in the graph: `boxes` and `scores`.

use super::Needed;
use super::scores::candidates;
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
pub(super) fn decode(boxes: &[f32], scores: &[f32], classes: usize, floor: f32) -> Vec<Candidate> {
    candidates(scores, classes, floor, |row| {
        let corners = boxes.get(row * 4..row * 4 + 4)?;
        Bounds::new(corners[1], corners[0], corners[3], corners[2])
    })
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
