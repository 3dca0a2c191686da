//! How a tracker behaves.

use std::sync::Arc;
use std::time::Duration;

/// How a tracker behaves. [`Settings::default`] suits a street at 5 to 30 frames a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A detection of at least this score can begin a track, 0..=1.
    pub strong: f32,
    /// The same for single labels, where they differ.
    pub strong_by_label: Vec<(Arc<str>, f32)>,
    /// A detection of at least this score can continue a track, 0..=1; at most `strong`.
    pub weak: f32,
    /// So many strong detections, or more of weak ones, until a track is believed and its arrival
    /// reported; at least 1.
    pub confirm: u32,
    /// A shown track stays in view without a detection for as long as it was seen before, but at
    /// least and at most for these times.
    pub bridge: (Duration, Duration),
    /// After that it is kept out of view for so long; when it is seen again it is the same.
    pub keep: Duration,
    /// It is stationary when it has not moved for so long.
    pub stationary_after: Duration,
    /// Moved means: by this share of its own size.
    pub stationary_shift: f32,
    /// Labels that a model mixes up: one object may change between those of one family.
    pub families: Vec<Vec<Arc<str>>>,
}

impl Default for Settings {
    fn default() -> Self {
        let family = |labels: &[&str]| labels.iter().map(|label| Arc::from(*label)).collect();
        Self {
            strong: 0.45,
            strong_by_label: Vec::new(),
            weak: 0.2,
            confirm: 3,
            bridge: (Duration::from_millis(600), Duration::from_millis(1500)),
            keep: Duration::from_secs(3),
            stationary_after: Duration::from_secs(10),
            stationary_shift: 0.25,
            families: vec![
                family(&["car", "truck", "bus", "train"]),
                family(&["bicycle", "motorcycle"]),
            ],
        }
    }
}

impl Settings {
    pub(super) fn strong_for(&self, label: &Arc<str>) -> f32 {
        let own = self.strong_by_label.iter().find(|(of, _)| of == label);
        own.map_or(self.strong, |(_, score)| *score)
    }
}
