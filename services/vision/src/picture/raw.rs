//! Uncompressed pictures: YUYV and RGB.

use yuv::{YuvPackedImage, YuvRange, YuvStandardMatrix};

use super::{Frame, Picture, PictureError, THUMBNAIL_WIDTH, Thumbnail, bytes, check_size};

pub(super) fn yuyv(frame: &Frame<'_>, picture: &mut Picture) -> Result<(), PictureError> {
    let pixels = yuyv_bytes(frame)?;
    picture.reshape(frame.width, frame.height);
    let image = YuvPackedImage {
        yuy: pixels,
        yuy_stride: frame.width * 2,
        width: frame.width,
        height: frame.height,
    };
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    yuv::yuyv422_to_rgb(&image, &mut picture.rgb, frame.width * 3, range, matrix)
        .map_err(|error| PictureError::Convert(error.to_string()))
}

pub(super) fn rgb(frame: &Frame<'_>, picture: &mut Picture) -> Result<(), PictureError> {
    let pixels = checked(frame, 3)?;
    picture.reshape(frame.width, frame.height);
    picture.rgb.copy_from_slice(pixels);
    Ok(())
}

pub(super) fn yuyv_luma(frame: &Frame<'_>, thumbnail: &mut Thumbnail) -> Result<(), PictureError> {
    let pixels = yuyv_bytes(frame)?;
    average(frame, thumbnail, pixels, 2, |pixel| pixel[0]);
    Ok(())
}

pub(super) fn rgb_luma(frame: &Frame<'_>, thumbnail: &mut Thumbnail) -> Result<(), PictureError> {
    let pixels = checked(frame, 3)?;
    // Green alone is close enough to luma for seeing that something moved.
    average(frame, thumbnail, pixels, 3, |pixel| pixel[1]);
    Ok(())
}

/// YUYV pictures have an even width.
fn yuyv_bytes<'a>(frame: &Frame<'a>) -> Result<&'a [u8], PictureError> {
    if frame.width % 2 == 1 {
        let (width, height) = (frame.width, frame.height);
        return Err(PictureError::Size { width, height });
    }
    checked(frame, 2)
}

fn checked<'a>(frame: &Frame<'a>, per_pixel: usize) -> Result<&'a [u8], PictureError> {
    check_size(frame.width, frame.height)?;
    let need = bytes(frame.width, frame.height, per_pixel);
    frame.bytes.get(..need).ok_or(PictureError::Short {
        width: frame.width,
        height: frame.height,
        need,
        have: frame.bytes.len(),
    })
}

/// Fills the thumbnail with the means of square blocks, of which every second row and column is
/// read: a quarter of the memory for a mean that is hardly noisier.
fn average(
    frame: &Frame<'_>,
    thumbnail: &mut Thumbnail,
    pixels: &[u8],
    per_pixel: usize,
    luma: impl Fn(&[u8]) -> u8,
) {
    let side = (frame.width / THUMBNAIL_WIDTH).clamp(1, 8);
    let (width, height) = ((frame.width / side).max(1), (frame.height / side).max(1));
    thumbnail.reshape(width, height);
    let side = (side as usize).min(frame.height as usize);
    let stride = frame.width as usize * per_pixel;
    let step = if side > 1 { 2 } else { 1 };
    let (width, mut sums) = (width as usize, vec![0_u32; width as usize]);
    for (row, cells) in thumbnail.luma.chunks_exact_mut(width).enumerate() {
        sums.fill(0);
        let mut samples = 0;
        for line in (0..side).step_by(step) {
            let start = (row * side + line) * stride;
            let line = &pixels[start..start + stride];
            for (sum, block) in sums.iter_mut().zip(line.chunks_exact(side * per_pixel)) {
                let columns = block.chunks_exact(per_pixel).step_by(step);
                *sum += columns.map(|pixel| u32::from(luma(pixel))).sum::<u32>();
            }
            samples += u32::try_from(side.div_ceil(step)).unwrap_or(1);
        }
        for (cell, sum) in cells.iter_mut().zip(&sums) {
            *cell = u8::try_from(sum / samples).unwrap_or(u8::MAX);
        }
    }
}

impl Thumbnail {
    pub(super) fn reshape(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        self.luma.resize(bytes(width, height, 1), 0);
    }
}
