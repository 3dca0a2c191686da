//! What the picture looks like when nothing moves, cell by cell.

use std::time::Duration;

use crate::picture::Thumbnail;

/// The background follows the picture with these time constants: quickly where nothing moved,
/// slowly where something did (so that what stays becomes background in the end).
const FOLLOW: f32 = 2.0;
const FOLLOW_MOVED: f32 = 8.0;
/// A cell that moves again and again raises its own threshold by this many of its usual changes.
const NOISE: f32 = 2.5;
/// The noise is learned and forgotten with this time constant, in seconds.
const LEARN: f32 = 6.0;
/// No cell's threshold rises above this: a bright car is seen in a shaking tree.
const MOST_THRESHOLD: f32 = 60.0;

#[derive(Debug, Clone, Default)]
pub(super) struct Background {
    width: u32,
    height: u32,
    /// Per cell: its usual value and its usual change.
    cells: Vec<(f32, f32)>,
    /// Differences of the brightness, counted, for the median.
    histogram: Vec<u32>,
}

impl Background {
    /// The share of cells that moved since the background; `None` for a first picture. The
    /// background moves on by `elapsed`.
    pub(super) fn compare(
        &mut self,
        thumbnail: &Thumbnail,
        threshold: f32,
        elapsed: Duration,
    ) -> Option<f32> {
        let size = (thumbnail.width, thumbnail.height);
        if (self.width, self.height) != size || self.cells.is_empty() {
            (self.width, self.height) = size;
            self.restart(thumbnail);
            return None;
        }
        let shift = self.shift(thumbnail);
        let seconds = elapsed.as_secs_f32();
        let follow = |time: f32| 1.0 - (-seconds / time).exp();
        let (still, moving, learn) = (follow(FOLLOW), follow(FOLLOW_MOVED), follow(LEARN));
        let mut moved = 0_u32;
        for ((usual, noise), luma) in self.cells.iter_mut().zip(&thumbnail.luma) {
            let change = f32::from(*luma) - shift - *usual;
            let limit = (threshold + NOISE * *noise).min(MOST_THRESHOLD.max(threshold));
            let moves = change.abs() > limit;
            moved += u32::from(moves);
            *usual += (change + shift) * if moves { moving } else { still };
            *noise += (change.abs() - *noise) * learn;
        }
        #[allow(
            clippy::cast_precision_loss,
            reason = "thumbnails have some ten thousand cells"
        )]
        let share = moved as f32 / self.cells.len() as f32;
        Some(share)
    }

    /// Takes the picture as the background: after a cut there is no use in the old one.
    pub(super) fn restart(&mut self, thumbnail: &Thumbnail) {
        self.cells.clear();
        let fresh = thumbnail.luma.iter().map(|luma| (f32::from(*luma), 0.0));
        self.cells.extend(fresh);
    }

    /// How much brighter the whole picture became: the median of all changes, which an object
    /// that covers less than half of the picture cannot pull along.
    fn shift(&mut self, thumbnail: &Thumbnail) -> f32 {
        self.histogram.clear();
        self.histogram.resize(511, 0);
        for ((usual, _), luma) in self.cells.iter().zip(&thumbnail.luma) {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a difference of two values of 0..=255, moved to 0..=510"
            )]
            let bin = (f32::from(*luma) - usual + 255.5).clamp(0.0, 510.0) as usize;
            self.histogram[bin] += 1;
        }
        let half = u32::try_from(self.cells.len() / 2).unwrap_or(u32::MAX);
        let mut below = 0;
        for (bin, count) in (-255_i16..).zip(&self.histogram) {
            below += count;
            if below > half {
                return f32::from(bin);
            }
        }
        0.0
    }
}
