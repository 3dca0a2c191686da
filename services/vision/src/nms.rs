//! Non-maximum suppression: of boxes of one class that overlap, only the best stays.

use crate::Bounds;

/// A box that a decoder found, before labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) class: u16,
    pub(crate) score: f32,
    pub(crate) bounds: Bounds,
}

/// Suppression looks at no more than this many of the best candidates. Real scenes give a few
/// hundred; noise that gives thousands of boxes costs one sort, not their square.
const MOST_CANDIDATES: usize = 1024;

/// Keeps the best of each class, best first, at most `most` in all.
///
/// Sorting is O(n log n). A kept box is compared only with kept boxes of its class, of which
/// there are at most `most`.
pub(crate) fn suppress(
    mut candidates: Vec<Candidate>,
    overlap: f32,
    most: usize,
) -> Vec<Candidate> {
    // Equal scores are ordered by class and place, so that the result does not depend on the
    // order in which a decoder found them.
    candidates.sort_unstable_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.class.cmp(&b.class))
            .then(a.bounds.left.total_cmp(&b.bounds.left))
            .then(a.bounds.top.total_cmp(&b.bounds.top))
    });
    candidates.truncate(MOST_CANDIDATES);
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.len() == most {
            break;
        }
        let hidden = kept.iter().any(|better| {
            better.class == candidate.class && better.bounds.overlap(&candidate.bounds) > overlap
        });
        if !hidden {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate() -> impl Strategy<Value = Candidate> {
        let edges = (0.0..0.9_f32, 0.0..0.9_f32, 0.01..0.5_f32, 0.01..0.5_f32);
        (0..4_u16, 0.0..=1.0_f32, edges).prop_map(|(class, score, (x, y, w, h))| Candidate {
            class,
            score,
            bounds: Bounds::new(x, y, x + w, y + h).unwrap(),
        })
    }

    proptest! {
        #[test]
        fn what_stays_does_not_overlap_and_what_went_had_a_better_one(
            candidates in prop::collection::vec(candidate(), 0..60),
            overlap in 0.1..0.9_f32,
        ) {
            let kept = suppress(candidates.clone(), overlap, 1000);
            for (index, one) in kept.iter().enumerate() {
                prop_assert!(candidates.contains(one));
                for other in &kept[index + 1..] {
                    prop_assert!(one.score >= other.score);
                    prop_assert!(
                        one.class != other.class || one.bounds.overlap(&other.bounds) <= overlap
                    );
                }
            }
            for gone in candidates.iter().filter(|candidate| !kept.contains(candidate)) {
                prop_assert!(kept.iter().any(|better| better.class == gone.class
                    && better.score >= gone.score
                    && better.bounds.overlap(&gone.bounds) > overlap));
            }
            prop_assert_eq!(suppress(kept.clone(), overlap, 1000), kept);
        }

        #[test]
        fn the_order_of_the_input_does_not_matter(
            candidates in prop::collection::vec(candidate(), 0..40),
        ) {
            let mut reversed = candidates.clone();
            reversed.reverse();
            prop_assert_eq!(suppress(candidates, 0.5, 10), suppress(reversed, 0.5, 10));
        }
    }
}
