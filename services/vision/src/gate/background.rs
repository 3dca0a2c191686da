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

/// A picture whose brightness varies less than this (variance) shows nothing.
const FLAT: f64 = 4.0;

#[derive(Debug, Clone, Default)]
pub(super) struct Background {
    width: u32,
    height: u32,
    /// Per cell: its usual value and its usual change.
    cells: Vec<(f32, f32)>,
    /// The thumbnail before this one.
    previous: Vec<u8>,
    /// Differences of the brightness, counted, for the median.
    histogram: Vec<u32>,
}

/// How a thumbnail differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Change {
    /// Share of the cells that moved since the background, 0..=1.
    pub(super) area: f32,
    /// How alike it is to the thumbnail before, whatever the light and contrast: 1 the same, 0
    /// nothing in common, -1 its negative.
    pub(super) likeness: f32,
}

impl Background {
    /// What changed; `None` for a first picture. The background moves on by `elapsed`.
    pub(super) fn compare(
        &mut self,
        thumbnail: &Thumbnail,
        threshold: f32,
        elapsed: Duration,
    ) -> Option<Change> {
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
            let beyond = change.abs() > limit;
            moved += u32::from(beyond);
            *usual += (change + shift) * if beyond { moving } else { still };
            *noise += (change.abs() - *noise) * learn;
        }
        #[allow(
            clippy::cast_precision_loss,
            reason = "thumbnails have some ten thousand cells"
        )]
        let area = moved as f32 / self.cells.len() as f32;
        let likeness = likeness(&self.previous, &thumbnail.luma);
        self.previous.clone_from(&thumbnail.luma);
        Some(Change { area, likeness })
    }

    /// Takes the picture as the background: after a cut there is no use in the old one.
    pub(super) fn restart(&mut self, thumbnail: &Thumbnail) {
        self.cells.clear();
        let fresh = thumbnail.luma.iter().map(|luma| (f32::from(*luma), 0.0));
        self.cells.extend(fresh);
        self.previous.clone_from(&thumbnail.luma);
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

/// The correlation of two pictures of one size. Pictures without any contrast are alike.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sums of some ten thousand products of bytes are exact in f64; the result is -1..=1"
)]
fn likeness(one: &[u8], other: &[u8]) -> f32 {
    let (mut sums, mut squares, mut both) = ((0_u64, 0_u64), (0_u64, 0_u64), 0_u64);
    // So many squares of bytes fit into 32 bits, of which the machine adds more at a time.
    for (one, other) in one.chunks(4096).zip(other.chunks(4096)) {
        let (mut sum, mut square, mut product) = ((0_u32, 0_u32), (0_u32, 0_u32), 0_u32);
        for (a, b) in one.iter().zip(other) {
            let (a, b) = (u32::from(*a), u32::from(*b));
            sum = (sum.0 + a, sum.1 + b);
            square = (square.0 + a * a, square.1 + b * b);
            product += a * b;
        }
        sums = (sums.0 + u64::from(sum.0), sums.1 + u64::from(sum.1));
        squares = (
            squares.0 + u64::from(square.0),
            squares.1 + u64::from(square.1),
        );
        both += u64::from(product);
    }
    let count = one.len().min(other.len()).max(1) as f64;
    let (mean, other_mean) = (sums.0 as f64 / count, sums.1 as f64 / count);
    let spread = squares.0 as f64 / count - mean * mean;
    let other_spread = squares.1 as f64 / count - other_mean * other_mean;
    let together = both as f64 / count - mean * other_mean;
    if spread < FLAT && other_spread < FLAT {
        return 1.0;
    }
    (together / (spread * other_spread).sqrt().max(FLAT)) as f32
}
