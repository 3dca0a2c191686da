//! The picture of an event: cut around the object, at most 320 pixels wide, as a JPEG.
//!
//! It is cut from the picture that the model looked at, so the object is where the event says.
//! Events are rare (a few a second at most), so this costs nothing per frame.

use std::sync::Arc;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use turbojpeg::{Compressor, PixelFormat, Subsamp};
use vigla_vision::Picture;

/// Widest portrait, in pixels.
const WIDEST: u32 = 320;
/// JPEG quality: about 8 kB a picture.
const QUALITY: i32 = 75;
/// How much larger than the object the cut is, so that one sees where it stands.
const MARGIN: f64 = 1.6;
/// The cut is at least this share of the picture wide: a far car alone says nothing.
const LEAST: f64 = 0.3;
/// Width to height.
const SHAPE: f64 = 4.0 / 3.0;

/// Makes portraits; keeps its buffers.
#[derive(Debug)]
pub(crate) struct Painter {
    resizer: Resizer,
    compressor: Compressor,
}

impl Painter {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut compressor = Compressor::new()?;
        compressor.set_quality(QUALITY);
        compressor.set_subsamp(Subsamp::Sub2x2);
        Ok(Self {
            resizer: Resizer::new(),
            compressor,
        })
    }

    /// The part of `picture` around `bounds` (shares); `None` when there is no picture in it.
    pub(crate) fn paint(&mut self, picture: &Picture, bounds: [f32; 4]) -> Option<Arc<[u8]>> {
        let cut = Cut::around(bounds, picture.width, picture.height)?;
        let source = ImageRef::new(picture.width, picture.height, &picture.rgb, PixelType::U8x3);
        let (width, height) = cut.target();
        let mut small = Image::new(width, height, PixelType::U8x3);
        let options = ResizeOptions::new().crop(cut.left, cut.top, cut.width, cut.height);
        self.resizer
            .resize(&source.ok()?, &mut small, &options)
            .ok()?;
        let image = turbojpeg::Image {
            pixels: small.buffer(),
            width: width as usize,
            pitch: width as usize * 3,
            height: height as usize,
            format: PixelFormat::RGB,
        };
        let jpeg = self.compressor.compress_to_vec(image).ok()?;
        Some(jpeg.into())
    }
}

/// A rectangle in pixels that lies inside the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cut {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Cut {
    fn around(bounds: [f32; 4], width: u32, height: u32) -> Option<Self> {
        if width == 0 || height == 0 || !bounds.iter().all(|edge| edge.is_finite()) {
            return None;
        }
        let (full_width, full_height) = (f64::from(width), f64::from(height));
        let [left, top, right, bottom] = bounds.map(|edge| f64::from(edge.clamp(0.0, 1.0)));
        let (left, right) = (left * full_width, right * full_width);
        let (top, bottom) = (top * full_height, bottom * full_height);
        let wanted = ((right - left).max((bottom - top) * SHAPE) * MARGIN).max(full_width * LEAST);
        let wide = wanted.min(full_width).min(full_height * SHAPE).max(1.0);
        let high = (wide / SHAPE).min(full_height).max(1.0);
        let place = |middle: f64, side: f64, full: f64| {
            (middle - side / 2.0).clamp(0.0, (full - side).max(0.0))
        };
        Some(Self {
            left: place(f64::midpoint(left, right), wide, full_width),
            top: place(f64::midpoint(top, bottom), high, full_height),
            width: wide,
            height: high,
        })
    }

    /// The size of the portrait: never enlarged, never wider than [`WIDEST`].
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1, at most 320 after the clamp"
    )]
    fn target(&self) -> (u32, u32) {
        let width = self.width.clamp(1.0, f64::from(WIDEST));
        let height = (width * self.height / self.width).round();
        (width as u32, height.max(1.0) as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vigla_vision::picture::decode_rgb;

    use super::*;

    #[test]
    fn is_a_small_jpeg_of_the_right_place() {
        let mut picture = Picture::new(640, 360);
        // White where the object is.
        for y in 200..300 {
            for x in 400..500 {
                picture.rgb[(y * 640 + x) * 3..][..3].fill(255);
            }
        }
        let bounds = [400.0 / 640.0, 200.0 / 360.0, 500.0 / 640.0, 300.0 / 360.0];
        let jpeg = Painter::new().unwrap().paint(&picture, bounds).unwrap();
        let portrait = decode_rgb(&jpeg).unwrap();
        assert!(
            portrait.width <= 320 && portrait.height <= 240,
            "{}",
            portrait.width
        );
        let middle = (portrait.height / 2 * portrait.width + portrait.width / 2) as usize * 3;
        assert!(portrait.rgb[middle] > 200);
        assert!(portrait.rgb[0] < 50);
    }

    #[test]
    fn an_empty_picture_has_no_portrait() {
        let picture = Picture::default();
        assert!(Painter::new().unwrap().paint(&picture, [0.0; 4]).is_none());
    }

    proptest! {
        #[test]
        fn every_cut_lies_in_the_picture(
            bounds in proptest::array::uniform4(-1.0f32..2.0),
            width in 1u32..4000,
            height in 1u32..4000,
        ) {
            let cut = Cut::around(bounds, width, height).unwrap();
            prop_assert!(cut.left >= 0.0 && cut.left + cut.width <= f64::from(width) + 1e-6);
            prop_assert!(cut.top >= 0.0 && cut.top + cut.height <= f64::from(height) + 1e-6);
            let (wide, high) = cut.target();
            prop_assert!((1..=320).contains(&wide) && high >= 1);
        }
    }
}
