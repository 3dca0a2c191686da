//! NanoDet: anchor-free, three strides, each edge of a box given as a distribution.
//!
//! For every cell of a grid of `side / stride` cells, `reg` holds 11 weights for each of the four
//! distances centre-to-edge (left, top, right, bottom). Their softmax is a distribution over
//! 0..=10 strides; its expectation is the distance. The centre of a cell is `(x + 0.5) * stride`.

use super::Needed;
use super::scores::candidates;
use crate::Bounds;
use crate::nms::Candidate;

/// Distances between cells, in pixels of the input.
const STRIDES: [u32; 3] = [8, 16, 32];
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

/// Candidates of all strides with a score of at least `floor`, in shares of the input.
///
/// `tensors` are `cls` and `reg` of each stride, `size` is the input's width and height, `classes`
/// the width of a row of `cls`, at least 1.
pub(super) fn decode(
    tensors: &[&[f32]],
    size: (u32, u32),
    classes: usize,
    floor: f32,
) -> Vec<Candidate> {
    let pairs = tensors.chunks_exact(2).zip(STRIDES);
    pairs
        .flat_map(|(pair, stride)| one_stride(pair[0], pair[1], stride, size, classes, floor))
        .collect()
}

fn one_stride(
    cls: &[f32],
    reg: &[f32],
    stride: u32,
    size: (u32, u32),
    classes: usize,
    floor: f32,
) -> Vec<Candidate> {
    let columns = size.0.div_ceil(stride).max(1);
    candidates(cls, classes, floor, |row| {
        let sides = reg.get(row * REG..row * REG + REG)?;
        let cell = u32::try_from(row).ok()?;
        bounds(cell % columns, cell / columns, sides, stride, size)
    })
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_and_four_distances_make_a_box() {
        // 64x32 pixels, stride 16: 4 columns and 2 rows. Cell 6 is column 2, row 1.
        let mut cls = vec![0.0; 8 * 2];
        cls[6 * 2 + 1] = 0.8;
        let mut reg = vec![0.0; 8 * REG];
        for (side, strides) in [1, 1, 0, 0].into_iter().enumerate() {
            reg[6 * REG + side * BINS + strides] = 100.0;
        }
        let found = one_stride(&cls, &reg, 16, (64, 32), 2, 0.5);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].class, found[0].score), (1, 0.8));
        let edges = found[0].bounds.to_array();
        for (edge, wanted) in edges
            .iter()
            .zip([24.0 / 64.0, 8.0 / 32.0, 40.0 / 64.0, 24.0 / 32.0])
        {
            assert!((edge - wanted).abs() < 1e-3, "{edges:?}");
        }
    }

    proptest! {
        #[test]
        fn no_numbers_make_it_panic_or_leave_the_picture(
            cls in prop::collection::vec(any::<f32>(), 0..30),
            reg in prop::collection::vec(any::<f32>(), 0..200),
            classes in 0..4_usize,
        ) {
            for found in one_stride(&cls, &reg, 8, (16, 16), classes, 0.1) {
                prop_assert!(found.bounds.to_array().iter().all(|edge| (0.0..=1.0).contains(edge)));
            }
        }
    }

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
