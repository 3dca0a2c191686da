//! Privacy masks: areas blacked out before anybody else reads a picture.
//!
//! Shapes are laid over the pixels once per picture size, a little generously: a pixel that a
//! shape touches is hidden. YUYV is masked in a copy; JPEG is decoded to planes, filled, and encoded
//! again, since no bit of what was there may survive in a neighbouring block. A JPEG that does not
//! decode is dropped, never shown. [`Masks::digest`] goes into each frame, so a reader can tell which masks it has.

use crate::config::Polygon;
use crate::encode::Transcoder;
use crate::jpeg::turbo::{Planes, TurboError};
use crate::picture::{Format, Picture};

/// Luma and colour of hidden areas: a dark grey that cannot be taken for night.
const GREY: (u8, u8) = (70, 128);

/// Why a picture could not be masked.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// It did not decode or encode.
    #[error("mask a picture")]
    Jpeg(#[source] TurboError),
}

/// The masks of one camera.
#[derive(Debug)]
pub struct Masks {
    shapes: Vec<Polygon>,
    digest: u64,
    size: (u32, u32),
    /// Hidden runs: line, first column, column after the last.
    runs: Vec<(u32, u32, u32)>,
    /// Which pixels of a picture an eighth the size are hidden, at least in part.
    thumbnail: Vec<bool>,
    copy: Vec<u8>,
    transcoder: Transcoder,
}

/// A picture that may be shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Its bytes, masks burned in.
    pub bytes: &'a [u8],
    /// Hidden pixels at an eighth of the size, for judging only what is visible.
    pub hidden: Option<&'a [bool]>,
}

impl Masks {
    /// The masks of a camera, `None` when there are none; `quality` is that of re-encoded JPEGs.
    pub fn new(shapes: &[Polygon], quality: u8) -> Result<Option<Self>, TurboError> {
        if shapes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            digest: digest(shapes),
            shapes: shapes.to_vec(),
            size: (0, 0),
            runs: Vec::new(),
            thumbnail: Vec::new(),
            copy: Vec::new(),
            transcoder: Transcoder::new(quality)?,
        }))
    }

    /// A number for this set of masks; never 0, which means "none".
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// The picture with its masks; valid until the next call.
    pub fn burn(&mut self, picture: &Picture<'_>) -> Result<Shown<'_>, MaskError> {
        self.fit(picture.width, picture.height);
        let runs = &self.runs;
        let bytes = match picture.format {
            Format::Yuyv => {
                self.copy.clear();
                self.copy.extend_from_slice(picture.bytes);
                fill_yuyv(&mut self.copy, picture.width, runs);
                &self.copy
            }
            Format::Mjpg => self
                .transcoder
                .through_planes(picture.bytes, |planes| fill_planes(planes, runs))
                .map_err(MaskError::Jpeg)?,
        };
        Ok(Shown {
            bytes,
            hidden: Some(&self.thumbnail),
        })
    }

    fn fit(&mut self, width: u32, height: u32) {
        if self.size == (width, height) {
            return;
        }
        self.size = (width, height);
        self.runs = self
            .shapes
            .iter()
            .flat_map(|s| runs(s, width, height))
            .collect();
        let (w, h) = (width.div_ceil(8), height.div_ceil(8));
        self.thumbnail = vec![false; w as usize * h as usize];
        for &(line, first, end) in &self.runs {
            let start = (line / 8 * w) as usize;
            let columns = (first / 8) as usize..end.div_ceil(8) as usize;
            self.thumbnail[start..start + w as usize][columns].fill(true);
        }
    }
}

/// The hidden runs of a shape on `width` x `height` pixels, by non-zero winding, so that a shape
/// that crosses itself has no holes.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the picture"
)]
fn runs(shape: &Polygon, width: u32, height: u32) -> Vec<(u32, u32, u32)> {
    let corners: Vec<(f64, f64)> = shape
        .corners()
        .iter()
        .map(|&[x, y]| (x * f64::from(width), y * f64::from(height)))
        .collect();
    let mut runs = Vec::new();
    for line in 0..height {
        // Two looks per line, near its edges, and a pixel to each side: touched means hidden.
        for y in [f64::from(line) + 0.01, f64::from(line) + 0.99] {
            let mut crossings = crossings(&corners, y);
            crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut winding, mut from) = (0, 0.0);
            for (x, turn) in crossings {
                if winding == 0 {
                    from = x;
                }
                winding += turn;
                if winding == 0 {
                    let first = (from - 1.0).clamp(0.0, f64::from(width)).floor() as u32;
                    let end = (x + 1.0).clamp(0.0, f64::from(width)).ceil() as u32;
                    runs.push((line, first, end));
                }
            }
        }
    }
    runs
}

/// Where the sides cross the horizontal at `y`, and whether down (1) or up (-1).
fn crossings(corners: &[(f64, f64)], y: f64) -> Vec<(f64, i32)> {
    let next = corners.iter().cycle().skip(1);
    corners
        .iter()
        .zip(next)
        .filter(|(a, b)| (a.1 <= y) != (b.1 <= y))
        .map(|(a, b)| {
            let x = a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0);
            (x, if a.1 <= y { 1 } else { -1 })
        })
        .collect()
}

fn fill_yuyv(bytes: &mut [u8], width: u32, runs: &[(u32, u32, u32)]) {
    for &(line, first, end) in runs {
        // Two pixels share their colour: hide both.
        let (first, end) = (first / 2 * 2, end.next_multiple_of(2).min(width));
        let start = (line * width + first) as usize * 2;
        let stop = (line * width + end) as usize * 2;
        if let Some(run) = bytes.get_mut(start..stop) {
            run.chunks_exact_mut(2)
                .for_each(|pair| pair.copy_from_slice(&[GREY.0, GREY.1]));
        }
    }
}

fn fill_planes(planes: &mut Planes, runs: &[(u32, u32, u32)]) {
    let stride = planes.stride();
    let (width, height) = (planes.width, planes.height);
    let (cw, ch) = planes.chroma;
    let [y, cb, cr] = planes.split();
    for &(line, first, end) in runs {
        let start = line as usize * stride;
        if let Some(run) = y.get_mut(start + first as usize..start + (end as usize).min(stride)) {
            run.fill(GREY.0);
        }
        if cw == 0 {
            continue;
        }
        // The colour sample that covers this pixel, in whatever subsampling.
        let across = |x: u32| u64::from(x) * u64::from(cw);
        let first = across(first) / u64::from(width);
        let end = across(end).div_ceil(u64::from(width)).min(u64::from(cw));
        let row = u64::from(line) * u64::from(ch) / u64::from(height) * u64::from(cw);
        for plane in [&mut *cb, &mut *cr] {
            let range =
                usize::try_from(row + first).and_then(|a| Ok(a..usize::try_from(row + end)?));
            if let Some(run) = range.ok().and_then(|range| plane.get_mut(range)) {
                run.fill(GREY.1);
            }
        }
    }
}

/// FNV-1a over the corners in ten-thousandths, shapes apart.
fn digest(shapes: &[Polygon]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for shape in shapes {
        for value in shape.corners().iter().flatten() {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0..=10000"
            )]
            let value = (value * 10_000.0).round() as u16;
            value.to_le_bytes().into_iter().for_each(&mut eat);
        }
        eat(0xff);
    }
    hash.max(1)
}

#[cfg(test)]
mod tests;
