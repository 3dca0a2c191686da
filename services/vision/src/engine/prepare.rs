//! From a picture to the numbers of an input tensor, and boxes back.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::manifest::{Colour, Fit, Input, Layout};
use crate::model::InferError;
use crate::{Bounds, Picture};

/// Fills the input tensor of one model; its buffers are reused for each picture.
pub(super) struct Prepare {
    input: Input,
    resizer: Resizer,
    /// The size that the picture has inside the tensor, and its pixels there.
    size: (u32, u32),
    small: Vec<u8>,
    tensor: Vec<f32>,
    /// Where the picture lies in the tensor: left and top in pixels.
    offset: (u32, u32),
    /// Numbers of each value of each colour: red, green, blue.
    table: Box<[[f32; 256]; 3]>,
    /// When the colours are alike and in order, bytes become numbers without a table.
    same: Option<Scale>,
}

/// From a byte to a number, for all colours.
#[derive(Debug, Clone, Copy)]
struct Scale {
    mean: f32,
    deviation: f32,
}

impl Scale {
    fn of(input: &Input) -> Option<Self> {
        let all = |numbers: [f32; 3]| {
            numbers[1..]
                .iter()
                .all(|n| n.to_bits() == numbers[0].to_bits())
        };
        let alike = input.colour == Colour::Rgb && all(input.mean) && all(input.deviation);
        alike.then_some(Self {
            mean: input.mean[0],
            deviation: input.deviation[0],
        })
    }

    /// The same sum as the table's, sixteen at a time.
    fn write(self, bytes: &[u8], numbers: &mut [f32]) {
        if self.mean == 0.0 && self.deviation.to_bits() == 1.0_f32.to_bits() {
            for (number, byte) in numbers.iter_mut().zip(bytes) {
                *number = f32::from(*byte);
            }
            return;
        }
        for (number, byte) in numbers.iter_mut().zip(bytes) {
            *number = (f32::from(*byte) - self.mean) / self.deviation;
        }
    }
}

impl std::fmt::Debug for Prepare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepare")
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl Prepare {
    pub(super) fn new(input: &Input) -> Self {
        let mut table = Box::new([[0.0; 256]; 3]);
        for (colour, values) in table.iter_mut().enumerate() {
            let channel = channel(input.colour, colour);
            for (value, number) in (0_u8..=255).zip(values.iter_mut()) {
                *number = (f32::from(value) - input.mean[channel]) / input.deviation[channel];
            }
        }
        Self {
            tensor: vec![0.0; input.width as usize * input.height as usize * 3],
            input: input.clone(),
            resizer: Resizer::new(),
            size: (0, 0),
            small: Vec::new(),
            offset: (0, 0),
            table,
            same: Scale::of(input),
        }
    }

    pub(super) fn tensor(&self) -> &[f32] {
        &self.tensor
    }

    /// Brings a checked picture into the tensor.
    pub(super) fn fill(&mut self, picture: &Picture) -> Result<(), InferError> {
        let size = inner_size(&self.input, picture);
        let offset = (
            (self.input.width - size.0) / 2,
            (self.input.height - size.1) / 2,
        );
        if (self.size, self.offset) != (size, offset) {
            (self.size, self.offset) = (size, offset);
            self.small = vec![0; size.0 as usize * size.1 as usize * 3];
            self.clear();
        }
        if (picture.width, picture.height) == size {
            self.write(&picture.rgb);
            return Ok(());
        }
        self.resize(picture)?;
        let small = std::mem::take(&mut self.small);
        self.write(&small);
        self.small = small;
        Ok(())
    }

    /// Makes the whole tensor grey: the border around a picture that does not fill it.
    fn clear(&mut self) {
        const GREY: usize = 127;
        let plane = self.tensor.len() / 3;
        for (colour, table) in self.table.iter().enumerate() {
            let channel = channel(self.input.colour, colour);
            match self.input.layout {
                Layout::Nhwc => {
                    let numbers = self.tensor.iter_mut().skip(channel).step_by(3);
                    numbers.for_each(|number| *number = table[GREY]);
                }
                Layout::Nchw => self.tensor[channel * plane..][..plane].fill(table[GREY]),
            }
        }
    }

    fn resize(&mut self, picture: &Picture) -> Result<(), InferError> {
        let failed = |error: &dyn std::fmt::Display| InferError::Resize {
            message: error.to_string(),
        };
        let from = ImageRef::new(picture.width, picture.height, &picture.rgb, PixelType::U8x3)
            .map_err(|error| failed(&error))?;
        let options = ResizeOptions::new().resize_alg(self.way(picture));
        let (width, height) = self.size;
        let mut to = Image::from_slice_u8(width, height, &mut self.small, PixelType::U8x3)
            .map_err(|error| failed(&error))?;
        self.resizer
            .resize(&from, &mut to, &options)
            .map_err(|error| failed(&error))
    }

    /// Between the four nearest pixels, as the models were trained; but of a picture that is much larger, all
    /// pixels count.
    fn way(&self, picture: &Picture) -> ResizeAlg {
        let much = |side: u32, inner: u32| u64::from(side) * 2 > u64::from(inner) * 5;
        if much(picture.width, self.size.0) || much(picture.height, self.size.1) {
            ResizeAlg::Convolution(FilterType::Bilinear)
        } else {
            ResizeAlg::Interpolation(FilterType::Bilinear)
        }
    }

    fn write(&mut self, rgb: &[u8]) {
        let (width, height) = (self.input.width as usize, self.input.height as usize);
        let (left, top) = (self.offset.0 as usize, self.offset.1 as usize);
        let row_bytes = self.size.0 as usize * 3;
        for (row, pixels) in rgb.chunks_exact(row_bytes).enumerate() {
            let start = (top + row) * width + left;
            match self.input.layout {
                Layout::Nhwc => {
                    let numbers = &mut self.tensor[start * 3..start * 3 + row_bytes];
                    match self.same {
                        Some(scale) => scale.write(pixels, numbers),
                        None => interleaved(&self.table, self.input.colour, pixels, numbers),
                    }
                }
                Layout::Nchw => {
                    for (colour, table) in self.table.iter().enumerate() {
                        let plane = channel(self.input.colour, colour) * width * height;
                        let numbers = &mut self.tensor[plane + start..];
                        let values = pixels.iter().skip(colour).step_by(3);
                        for (number, value) in numbers.iter_mut().zip(values) {
                            *number = table[usize::from(*value)];
                        }
                    }
                }
            }
        }
    }

    /// A box in shares of the input as shares of the picture that was filled in last.
    #[allow(clippy::cast_precision_loss, reason = "sides are at most 4096")]
    pub(super) fn place(&self, bounds: Bounds) -> Option<Bounds> {
        let (width, height) = (self.input.width as f32, self.input.height as f32);
        let (left, top) = (self.offset.0 as f32, self.offset.1 as f32);
        let (inner_width, inner_height) = (self.size.0 as f32, self.size.1 as f32);
        let x = |share: f32| (share * width - left) / inner_width;
        let y = |share: f32| (share * height - top) / inner_height;
        Bounds::new(
            x(bounds.left),
            y(bounds.top),
            x(bounds.right),
            y(bounds.bottom),
        )
    }
}

fn interleaved(table: &[[f32; 256]; 3], colour: Colour, pixels: &[u8], numbers: &mut [f32]) {
    let order = [channel(colour, 0), channel(colour, 1), channel(colour, 2)];
    for (numbers, pixel) in numbers.chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
        for (index, value) in pixel.iter().enumerate() {
            numbers[order[index]] = table[index][usize::from(*value)];
        }
    }
}

/// The channel of the tensor that holds a colour (0 red, 1 green, 2 blue).
fn channel(order: Colour, colour: usize) -> usize {
    match order {
        Colour::Rgb => colour,
        Colour::Bgr => 2 - colour,
    }
}

/// The size that a picture has inside the tensor: all of one side, and of the other as much as
/// its shape needs after it was stretched as far as allowed.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of an input side, which is at most 4096"
)]
fn inner_size(input: &Input, picture: &Picture) -> (u32, u32) {
    let stretch = match input.fit {
        Fit::Stretch => f64::from(input.most_stretch),
        Fit::Letterbox => 1.0,
    };
    let (width, height) = (f64::from(input.width), f64::from(input.height));
    let wider = f64::from(picture.width) * height / (f64::from(picture.height) * width);
    let side =
        |most: f64, excess: f64| (most * (stretch / excess).min(1.0)).round().max(1.0) as u32;
    (side(width, 1.0 / wider), side(height, wider))
}

#[cfg(test)]
mod tests;
