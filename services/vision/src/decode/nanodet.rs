//! NanoDet: anchor-free, three strides, each edge of a box given as a distribution.
//!
//! For every cell of a grid of `side / stride` cells, `reg` holds 11 weights for each of the four
//! distances centre-to-edge (left, top, right, bottom). Their softmax is a distribution over
//! 0..=10 strides; its expectation is the distance. The centre of a cell is `(x + 0.5) * stride`.

use super::Needed;
use crate::Bounds;
use crate::nms::Candidate;

/// Distances between cells, in pixels of the input.
pub(crate) const STRIDES: [u32; 3] = [8, 16, 32];
const BINS: usize = 11;
const REG: usize = 4 * BINS;
const NAMES: [(&str, &str); 3] = [("cls8", "reg8"), ("cls16", "reg16"), ("cls32", "reg32")];

pub(super) fn needed(width: u32, height: u32, classes: i64) -> Vec<Needed> {
    let mut needed = Vec::new();
    for (stride, (cls, reg)) in STRIDES.into_iter().zip(NAMES) {
        let cells = i64::from(width.div_ceil(stride)) * i64::from(height.div_ceil(stride));
        for (tensor, last) in [(cls, classes), (reg, 44)] {
            needed.push(Needed {
                tensor,
                shape: vec![1, cells, last],
            });
        }
    }
    needed
}

/// Candidates of one stride with a score of at least `floor`, in shares of the input.
///
/// `size` is the input's width and height; `classes` the width of a row of `cls`, at least 1.
pub(crate) fn decode(
    cls: &[f32],
    reg: &[f32],
    stride: u32,
    size: (u32, u32),
    classes: usize,
    floor: f32,
) -> Vec<Candidate> {
    let columns = size.0.div_ceil(stride).max(1);
    let rows = cls.chunks_exact(classes.max(1));
    let mut candidates = Vec::new();
    for ((cell, row), sides) in (0_u32..).zip(rows).zip(reg.chunks_exact(REG)) {
        if row.iter().fold(0.0, |best: f32, score| best.max(*score)) < floor {
            continue;
        }
        let Some(bounds) = bounds(cell % columns, cell / columns, sides, stride, size) else {
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

#[allow(
    clippy::cast_precision_loss,
    reason = "cells and input sides are at most 4096, exact in f32"
)]
fn bounds(
    column: u32,
    row: u32,
    sides: &[f32],
    stride: u32,
    (width, height): (u32, u32),
) -> Option<Bounds> {
    let step = stride as f32;
    let (x, y) = ((column as f32 + 0.5) * step, (row as f32 + 0.5) * step);
    let mut distances = sides
        .chunks_exact(BINS)
        .map(|bins| expectation(bins) * step);
    let mut next = || distances.next().unwrap_or_default();
    let (left, top, right, bottom) = (next(), next(), next(), next());
    let (width, height) = (width as f32, height as f32);
    Bounds::new(
        (x - left) / width,
        (y - top) / height,
        (x + right) / width,
        (y + bottom) / height,
    )
}

/// The mean of the distribution that a softmax over `bins` makes.
fn expectation(bins: &[f32]) -> f32 {
    let largest = bins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut weights, mut sum, mut place) = (0.0, 0.0, 0.0);
    for bin in bins {
        let weight = (bin - largest).exp();
        weights += weight;
        sum += weight * place;
        place += 1.0;
    }
    sum / weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expectation_of_a_single_peak_is_its_place() {
        for peak in 0..BINS {
            let mut bins = [0.0; BINS];
            bins[peak] = 100.0;
            #[allow(clippy::cast_precision_loss, reason = "0..=10")]
            let place = peak as f32;
            assert!((expectation(&bins) - place).abs() < 1e-4);
        }
        assert!((expectation(&[3.0; BINS]) - 5.0).abs() < 1e-5);
    }
}
