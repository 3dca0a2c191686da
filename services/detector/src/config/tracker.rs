//! How detections become objects that stay.

use serde::{Deserialize, Serialize};
use vigla_kit::config::{HOUR, MINUTE, Ratio, SECOND, Span};

use super::ratio;

/// The tracker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tracker {
    /// Score from which a detection may continue a track that is there already.
    pub low_threshold: Ratio,
    /// Detections that make a track an object.
    pub confirm: Confirm,
    /// How long an object stays in view without being detected, at most.
    pub bridge: Span<0, MINUTE>,
    /// How long after that it is the same object when it is seen again.
    pub keep: Span<0, { 10 * MINUTE }>,
    /// How long an object must rest to count as stationary.
    pub stationary: Span<SECOND, HOUR>,
}

vigla_kit::whole! {
    /// Detections that make an object, 1..=100.
    pub Confirm(u32) = 1..=100, "a number of detections"
}

impl Default for Tracker {
    fn default() -> Self {
        Self {
            low_threshold: ratio(0.2),
            confirm: Confirm::new(3).expect("a default is in range"),
            bridge: Span::from_millis(1500),
            keep: Span::from_secs(3),
            stationary: Span::from_secs(10),
        }
    }
}
