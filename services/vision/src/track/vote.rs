//! The label of a track, by vote: a van that the model calls a truck in one frame out of four
//! stays what it was.

use std::sync::Arc;

/// Each vote loses weight with the votes that follow; about this many count.
const MEMORY: f32 = 20.0;
/// Another label must lead by this factor before the shown one changes.
const LEAD: f32 = 1.5;

/// The weight of each label that a track was given.
#[derive(Debug, Clone)]
pub(super) struct Votes {
    weights: Vec<(Arc<str>, f32)>,
    shown: Arc<str>,
}

impl Votes {
    pub(super) fn new(label: &Arc<str>, score: f32) -> Self {
        Self {
            weights: vec![(label.clone(), score)],
            shown: label.clone(),
        }
    }

    /// Counts one more, weighted by its score.
    pub(super) fn cast(&mut self, label: &Arc<str>, score: f32) {
        for (_, weight) in &mut self.weights {
            *weight *= 1.0 - 1.0 / MEMORY;
        }
        match self.weights.iter_mut().find(|(known, _)| known == label) {
            Some((_, weight)) => *weight += score,
            None => self.weights.push((label.clone(), score)),
        }
        let shown = self.weight(&self.shown);
        let best = self.weights.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((label, weight)) = best
            && *weight > shown * LEAD
        {
            self.shown = label.clone();
        }
    }

    /// The label that the track has now.
    pub(super) fn label(&self) -> &Arc<str> {
        &self.shown
    }

    fn weight(&self, label: &Arc<str>) -> f32 {
        let found = self.weights.iter().find(|(known, _)| known == label);
        found.map_or(0.0, |(_, weight)| *weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flicker_does_not_change_the_label_but_a_majority_does() {
        let (car, truck) = (Arc::from("car"), Arc::from("truck"));
        let mut votes = Votes::new(&car, 0.6);
        for _ in 0..10 {
            for label in [&car, &truck, &car] {
                votes.cast(label, 0.6);
                assert_eq!(votes.label(), &car);
            }
        }
        for _ in 0..30 {
            votes.cast(&truck, 0.6);
        }
        assert_eq!(votes.label(), &truck);
    }
}
