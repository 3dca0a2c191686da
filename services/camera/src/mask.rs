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
mod tests {
    use super::*;

    fn shape(corners: &[[f64; 2]]) -> Polygon {
        Polygon::try_from(corners.to_vec()).unwrap()
    }

    fn left_half() -> Polygon {
        shape(&[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]])
    }

    fn yuyv(width: u32, height: u32) -> Vec<u8> {
        vec![200; (width * height * 2) as usize]
    }

    fn picture(format: Format, bytes: &[u8]) -> Picture<'_> {
        Picture {
            format,
            width: 64,
            height: 32,
            bytes,
            mono_usec: 0,
            damaged: false,
        }
    }

    #[test]
    fn yuyv_is_hidden_where_the_mask_is_and_nowhere_else() {
        let (bytes, mut masks) = (
            yuyv(64, 32),
            Masks::new(&[left_half()], 80).unwrap().unwrap(),
        );
        let out = masks.burn(&picture(Format::Yuyv, &bytes)).unwrap().bytes;
        let luma = |x: usize, y: usize| out[(y * 64 + x) * 2];
        for y in 0..32 {
            assert!((0..32).all(|x| luma(x, y) == 70), "line {y}");
            assert!((36..64).all(|x| luma(x, y) == 200), "line {y}");
        }
    }

    #[test]
    fn jpeg_is_hidden_and_says_so_in_its_thumbnail() {
        let mut transcoder = Transcoder::new(80).unwrap();
        let file = transcoder
            .jpeg_of_yuyv(&yuyv(64, 32), 64, 32)
            .unwrap()
            .to_vec();
        let mut masks = Masks::new(&[left_half()], 80).unwrap().unwrap();
        let shown = masks.burn(&picture(Format::Mjpg, &file)).unwrap();
        let (out, hidden) = (shown.bytes, shown.hidden.unwrap());
        let mut luma = Vec::new();
        let mut decoder = crate::jpeg::turbo::Decoder::new().unwrap();
        decoder.luma_eighth(out, &mut luma).unwrap();
        for line in 0..4 {
            assert!(
                luma[line * 8..line * 8 + 4]
                    .iter()
                    .all(|y| y.abs_diff(70) < 6)
            );
            assert!(
                luma[line * 8 + 5..line * 8 + 8]
                    .iter()
                    .all(|y| y.abs_diff(200) < 6)
            );
            assert_eq!(
                &hidden[line * 8..line * 8 + 8],
                [true, true, true, true, true, false, false, false]
            );
        }
    }

    #[test]
    fn what_does_not_decode_is_not_shown() {
        let mut masks = Masks::new(&[left_half()], 80).unwrap().unwrap();
        let burnt = masks.burn(&picture(Format::Mjpg, b"\xff\xd8 nonsense"));
        assert!(burnt.is_err());
    }

    #[test]
    fn a_star_has_no_hole_and_a_sliver_is_not_lost() {
        let star: Vec<[f64; 2]> = [0, 2, 4, 1, 3]
            .map(|i| f64::from(i) * std::f64::consts::TAU / 5.0)
            .map(|a| [0.5 + 0.45 * a.cos(), 0.5 + 0.45 * a.sin()])
            .to_vec();
        let runs_of_star = runs(&shape(&star), 100, 100);
        assert!(
            runs_of_star
                .iter()
                .any(|&(line, a, b)| line == 50 && a < 50 && b > 50)
        );
        let sliver = shape(&[[0.5, 0.1], [0.5, 0.9], [0.5001, 0.9]]);
        assert!(runs(&sliver, 100, 100).len() >= 79);
    }

    #[test]
    fn digests_tell_masks_apart() {
        let a = [left_half()];
        let b = [shape(&[[0.0, 0.0], [0.5, 0.0], [0.5, 0.9]])];
        let both = |x: &[Polygon; 1], y: &[Polygon; 1]| [x[0].clone(), y[0].clone()];
        let digest = |shapes: &[Polygon]| Masks::new(shapes, 80).unwrap().unwrap().digest();
        assert_eq!(digest(&a), digest(&[left_half()]));
        assert_ne!(digest(&a), digest(&b));
        assert_ne!(digest(&both(&a, &b)), digest(&both(&b, &a)));
    }

    proptest::proptest! {
        #[test]
        fn every_mask_fits_every_picture(
            corners in proptest::collection::vec((0.0..=1.0, 0.0..=1.0), 3..12),
            width in 1u32..40, height in 1u32..40,
        ) {
            let corners: Vec<[f64; 2]> = corners.into_iter().map(|(x, y)| [x, y]).collect();
            let mut masks = Masks::new(&[shape(&corners)], 80).unwrap().unwrap();
            masks.fit(width * 2, height);
            let mut bytes = yuyv(width * 2, height);
            fill_yuyv(&mut bytes, width * 2, &masks.runs);
            let mut planes = Planes::new(width * 2, height, crate::jpeg::turbo::Chroma::Half);
            fill_planes(&mut planes, &masks.runs);
        }
    }
}
