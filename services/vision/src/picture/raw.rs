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
    thumbnail.luma.iter_mut().for_each(full_range);
    Ok(())
}

pub(super) fn rgb_luma(frame: &Frame<'_>, thumbnail: &mut Thumbnail) -> Result<(), PictureError> {
    let pixels = checked(frame, 3)?;
    average(frame, thumbnail, pixels, 3, luma_of);
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

/// Limited range (16 black, 235 white) to full range, as a JPEG has it.
fn full_range(luma: &mut u8) {
    let above = u32::from(luma.saturating_sub(16)) * 255 / 219;
    *luma = u8::try_from(above).unwrap_or(u8::MAX);
}

/// BT.601 luma of an RGB pixel.
fn luma_of(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    u8::try_from((77 * red + 150 * green + 29 * blue) >> 8).unwrap_or(u8::MAX)
}

impl Thumbnail {
    pub(super) fn reshape(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        self.luma.resize(bytes(width, height, 1), 0);
    }

    /// Makes it from a picture, at the size that it has: the mean of each cell over every second
    /// row of the picture.
    pub(crate) fn sample(&mut self, picture: &Picture) {
        let (columns, rows) = (self.width as usize, self.height as usize);
        let (width, height) = (picture.width as usize, picture.height as usize);
        let starts: Vec<_> = (0..=columns)
            .map(|column| column * width / columns.max(1))
            .collect();
        // A picture of half the size, and its thumbnail of an eighth: cells of one width that the compiler knows.
        let four = columns * 4 == width;
        let mut sums = vec![0_u32; columns];
        // Rows are added first, many columns at a time. A cell has a few; 257 of them could be added.
        let mut down = vec![0_u16; width * 3];
        for (row, cells) in self.luma.chunks_exact_mut(columns.max(1)).enumerate() {
            let first = row * height / rows;
            let last = ((row + 1) * height / rows).max(first + 1).min(height);
            let mut lines = 0;
            down.fill(0);
            for line in (first..last).step_by(2) {
                let pixels = &picture.rgb[line * width * 3..(line + 1) * width * 3];
                for (sum, value) in down.iter_mut().zip(pixels) {
                    *sum = sum.saturating_add(u16::from(*value));
                }
                lines += 1;
            }
            if four {
                add_fours(&down, &mut sums);
            } else {
                add(&down, &starts, &mut sums);
            }
            for ((cell, sum), ends) in cells.iter_mut().zip(&sums).zip(starts.windows(2)) {
                let across = u32::try_from((ends[1] - ends[0]).max(1)).unwrap_or(1);
                *cell = u8::try_from(sum / (across * lines).max(1)).unwrap_or(u8::MAX);
            }
        }
    }
}

/// The luma of each cell, added up from the colours of its columns; cells begin at `starts` and have a pixel at least.
fn add(down: &[u16], starts: &[usize], sums: &mut [u32]) {
    for (sum, ends) in sums.iter_mut().zip(starts.windows(2)) {
        let end = (ends[1].max(ends[0] + 1) * 3).min(down.len());
        let (pixels, _) = down[ends[0] * 3..end].as_chunks::<3>();
        *sum = luma_sum(pixels);
    }
}

/// The same for cells of four pixels, which the compiler can lay out.
fn add_fours(down: &[u16], sums: &mut [u32]) {
    let (blocks, _) = down.as_chunks::<12>();
    for (sum, block) in sums.iter_mut().zip(blocks) {
        let (pixels, _) = block.as_chunks::<3>();
        if let Some(pixels) = pixels.first_chunk::<4>() {
            *sum = luma_sum(pixels);
        }
    }
}

/// Colours first: one multiplication for each, and not for each pixel.
#[inline]
fn luma_sum(pixels: &[[u16; 3]]) -> u32 {
    let colour = |index: usize| {
        let values = pixels.iter().map(|pixel| u32::from(pixel[index]));
        u64::from(values.sum::<u32>())
    };
    let sum = (77 * colour(0) + 150 * colour(1) + 29 * colour(2)) >> 8;
    u32::try_from(sum).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_four_pixels_are_those_of_any_width() {
        let pixels: Vec<u16> = (0..8 * 12_u16).map(|n| n * 37 % 511).collect();
        let starts: Vec<usize> = (0..=8).map(|column| column * 4).collect();
        let (mut any, mut four) = ([7; 8], [7; 8]);
        add(&pixels, &starts, &mut any);
        add_fours(&pixels, &mut four);
        assert_eq!(any, four);
    }
}
