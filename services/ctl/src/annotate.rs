//! Boxes and labels drawn into a picture, with `embedded-graphics` on the RGB bytes.
//!
//! The colours are those of the page: cars green, people red.

use std::convert::Infallible;

use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_8X13, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Baseline, Text};
use turbojpeg::{Image, PixelFormat, Subsamp};
use vigla_vision::{Bounds, Picture};

/// JPEG quality, 1 to 100: boxes have hard edges, which low qualities smear.
const QUALITY: i32 = 90;

/// One box to draw.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// Where.
    pub(crate) bounds: Bounds,
    /// Whose colour it gets.
    pub(crate) label: String,
    /// What stands at it.
    pub(crate) text: String,
}

/// Draws `marks` into `picture`, in order.
pub(crate) fn draw(picture: &mut Picture, marks: &[Mark]) {
    let mut canvas = Canvas(picture);
    for mark in marks {
        let Ok(()) = draw_one(&mut canvas, mark);
    }
}

/// The picture as a JPEG.
pub(crate) fn encode(picture: &Picture) -> turbojpeg::Result<Vec<u8>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let image = Image {
        pixels: picture.rgb.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    turbojpeg::compress(image, QUALITY, Subsamp::Sub2x2).map(|jpeg| jpeg.to_vec())
}

fn draw_one(canvas: &mut Canvas<'_>, mark: &Mark) -> Result<(), Infallible> {
    let colour = colour(&mark.label);
    let width = canvas.0.width;
    let frame = rectangle(mark.bounds, canvas.size());
    let stroke = (width / 320).clamp(1, 8);
    frame
        .into_styled(PrimitiveStyle::with_stroke(colour, stroke))
        .draw(canvas)?;
    let font = font(width);
    let text = ascii(&mark.text);
    let size = font.character_size;
    let letters = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let plate_size = Size::new(
        size.width.saturating_mul(letters).saturating_add(4),
        size.height + 2,
    );
    // Above the box; inside it where there is no room above.
    let above = frame.top_left.y - i32::try_from(plate_size.height).unwrap_or(0);
    let corner = Point::new(
        frame.top_left.x,
        if above < 0 { frame.top_left.y } else { above },
    );
    Rectangle::new(corner, plate_size)
        .into_styled(PrimitiveStyle::with_fill(colour))
        .draw(canvas)?;
    let style = MonoTextStyle::new(font, Rgb888::BLACK);
    Text::with_baseline(&text, corner + Point::new(2, 1), style, Baseline::Top).draw(canvas)?;
    Ok(())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "shares of at most 65535 pixels"
)]
fn rectangle(bounds: Bounds, size: Size) -> Rectangle {
    let at = |share: f32, length: u32| (share * length as f32).round() as i32;
    let top_left = Point::new(at(bounds.left, size.width), at(bounds.top, size.height));
    let bottom_right = Point::new(
        at(bounds.right, size.width) - 1,
        at(bounds.bottom, size.height) - 1,
    );
    Rectangle::with_corners(top_left, bottom_right.component_max(top_left))
}

fn colour(label: &str) -> Rgb888 {
    match label {
        "car" => Rgb888::new(0x3d, 0xdc, 0x84),
        "person" => Rgb888::new(0xff, 0x5c, 0x5c),
        "bicycle" => Rgb888::new(0x6a, 0xa8, 0xff),
        "bus" | "truck" => Rgb888::new(0xf0, 0x7c, 0xf0),
        "motorcycle" => Rgb888::new(0xff, 0xd8, 0x4d),
        _ => Rgb888::new(0x5c, 0xe1, 0xe6),
    }
}

fn font(width: u32) -> &'static MonoFont<'static> {
    match width {
        0..400 => &FONT_6X10,
        400..1000 => &FONT_8X13,
        _ => &FONT_10X20,
    }
}

/// The fonts have nothing else.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .collect()
}

/// The picture as something to draw on.
struct Canvas<'p>(&'p mut Picture);

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.0.width, self.0.height)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        let (width, height) = (self.0.width as usize, self.0.height as usize);
        for Pixel(point, colour) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y)) else {
                continue;
            };
            if x < width && y < height {
                let at = (y * width + x) * 3;
                if let Some(pixel) = self.0.rgb.get_mut(at..at + 3) {
                    pixel.copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(bounds: [f32; 4], label: &str, text: &str) -> Mark {
        let [left, top, right, bottom] = bounds;
        let bounds = Bounds::new(left, top, right, bottom).unwrap();
        Mark {
            bounds,
            label: label.into(),
            text: text.into(),
        }
    }

    fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
        let at = (y * picture.width as usize + x) * 3;
        picture.rgb[at..at + 3].try_into().unwrap()
    }

    #[test]
    fn a_box_has_the_colour_of_its_label_and_leaves_the_rest() {
        let mut picture = Picture::new(100, 100);
        draw(&mut picture, &[mark([0.2, 0.4, 0.8, 0.8], "person", "")]);
        assert_eq!(pixel(&picture, 50, 40), [0xff, 0x5c, 0x5c]);
        assert_eq!(pixel(&picture, 20, 60), [0xff, 0x5c, 0x5c]);
        assert_eq!(pixel(&picture, 50, 60), [0, 0, 0]);
        assert_eq!(pixel(&picture, 5, 5), [0, 0, 0]);
    }

    #[test]
    fn boxes_at_the_edge_and_odd_labels_are_drawn_without_harm() {
        for (width, height) in [(1, 1), (3, 200), (2000, 2)] {
            let mut picture = Picture::new(width, height);
            draw(
                &mut picture,
                &[mark([0.0, 0.0, 1.0, 1.0], "Ü", "Übergrößenträger 99%")],
            );
            encode(&picture).unwrap();
        }
    }
}
