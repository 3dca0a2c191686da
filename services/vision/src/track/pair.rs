//! Which detection can be which track, and how likely.

use std::sync::Arc;

use super::assign::NEVER;
use super::object::{Object, State};
use crate::{Bounds, Detection};

/// Two detections of one family that overlap more than this are one object with two names.
const SAME: f32 = 0.65;

/// A weak detection of which so much lies in a strong one of its family, or the other way round,
/// is a part of the same object, seen twice.
const PART: f32 = 0.6;

/// A detection that is further off than this, in standard deviations of what is known of a track,
/// is not it, however near.
const MOST_SURPRISE: f32 = 3.5;

/// Labels that stand for one kind of thing.
#[derive(Debug, Clone)]
pub(super) struct Families(Vec<Vec<Arc<str>>>);

impl Families {
    pub(super) fn new(families: &[Vec<Arc<str>>]) -> Self {
        Self(families.to_vec())
    }

    fn related(&self, one: &Arc<str>, other: &Arc<str>) -> bool {
        one == other
            || self
                .0
                .iter()
                .any(|family| family.contains(one) && family.contains(other))
    }

    /// The detections without those that are a stronger one under another name of its family.
    pub(super) fn distinct<'d>(&self, detections: &'d [Detection]) -> Vec<&'d Detection> {
        let mut sorted: Vec<_> = detections.iter().collect();
        sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut kept: Vec<&Detection> = Vec::with_capacity(sorted.len());
        for detection in sorted {
            let known = kept.iter().any(|better| {
                self.related(&better.label, &detection.label)
                    && better.bounds.overlap(&detection.bounds) > SAME
            });
            if !known {
                kept.push(detection);
            }
        }
        kept
    }

    /// Whether a weak detection is only a part of one of the strong ones.
    pub(super) fn is_part(&self, weak: &Detection, strong: &[&Detection]) -> bool {
        strong.iter().any(|strong| {
            self.related(&strong.label, &weak.label)
                && strong.bounds.containment(&weak.bounds) > PART
        })
    }
}

/// The three rounds of matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Strong detections with all tracks.
    Strong,
    /// Weak detections with tracks in view: only where the track is expected.
    Weak,
    /// Strong detections that are left with tracks that are left, boxes widened.
    Wide,
}

impl Stage {
    /// Boxes must overlap at least so much.
    fn least(self) -> f32 {
        match self {
            Self::Strong => 0.2,
            Self::Weak => 0.4,
            Self::Wide => 0.15,
        }
    }

    /// Whether tracks in this state take part. One that is lost comes back only where it was, and
    /// a cut leaves nothing near where it was.
    fn admits(self, state: State) -> bool {
        match self {
            Self::Strong => true,
            Self::Weak => state != State::Lost,
            Self::Wide => matches!(state, State::Tentative | State::Shown),
        }
    }

    /// The cost of saying that this detection is that track, 0..=1, or [`NEVER`].
    pub(super) fn cost(self, families: &Families, object: &Object, detection: &Detection) -> f64 {
        if !self.admits(object.state) || !families.related(object.votes.label(), &detection.label) {
            return NEVER;
        }
        let (mut expected, mut found) = (object.bounds(), detection.bounds);
        if self == Self::Weak && !object.fades_to(detection.score) {
            return NEVER;
        }
        if self == Self::Wide {
            // A false alarm beside a track that is well known must not carry it off.
            if object.surprise(&found) > MOST_SURPRISE {
                return NEVER;
            }
            (expected, found) = (widened(expected), widened(found));
        }
        let overlap = expected.overlap(&found);
        if overlap < self.least() {
            return NEVER;
        }
        f64::from(1.0 - overlap)
    }
}

/// The box with half its size added on each side.
fn widened(bounds: Bounds) -> Bounds {
    let (x, y) = bounds.centre();
    Bounds::around(x, y, bounds.width() * 2.0, bounds.height() * 2.0)
}
