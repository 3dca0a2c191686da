//! Drawing: colours, boxes and labels on RGB memory.

use std::convert::Infallible;

use embedded_graphics::{
    mono_font::{MonoTextStyleBuilder, ascii::FONT_8X13_BOLD},
    pixelcolor::Rgb888,
    prelude::*,
    primitives::{PrimitiveStyle, Rectangle},
    text::{Baseline, Text},
};
use vigla_bus::detector::Object;

/// Cars green and people red, as the demo had it; the rest by the legacy's colours.
fn colour(label: &str) -> Rgb888 {
    match label {
        "car" => Rgb888::new(0, 200, 60),
        "person" => Rgb888::new(230, 40, 40),
        "bicycle" => Rgb888::new(60, 120, 255),
        "bus" => Rgb888::new(220, 40, 220),
        "motorcycle" => Rgb888::new(240, 210, 0),
        _ => Rgb888::new(200, 200, 200),
    }
}

/// How long a box that no detection supports is drawn, in milliseconds. It is where the tracker
/// expects its object; after that it would be beside anything that moves fast.
const EXPECTED_MS: u64 = 300;

/// Draws the box of one object, and its label. A box that is only expected there is dashed,
/// and soon left out; what stands still is where it was.
pub(super) fn draw(canvas: &mut Canvas<'_>, object: &Object) {
    if object.unseen_ms > EXPECTED_MS && !object.stationary {
        return;
    }
    let colour = colour(&object.label);
    let size = canvas.size();
    let [left, top, right, bottom] = object.bounds;
    let corner = |x: f32, y: f32| Point::new(share(x, size.width), share(y, size.height));
    let frame = Rectangle::with_corners(corner(left, top), corner(right, bottom));
    let pen = (size.width / 400).clamp(2, 6);
    let Ok(()) = if object.unseen_ms > 0 {
        dashed(canvas, frame, colour, pen)
    } else {
        let line = PrimitiveStyle::with_stroke(colour, pen);
        frame.into_styled(line).draw(canvas)
    };
    let text = format!(
        "{} {} {:.0}%",
        object.label,
        object.track,
        object.score * 100.0
    );
    let style = MonoTextStyleBuilder::new()
        .font(&FONT_8X13_BOLD)
        .text_color(Rgb888::WHITE)
        .background_color(Rgb888::new(colour.r() / 2, colour.g() / 2, colour.b() / 2))
        .build();
    // Above the box, or inside it where there is no room above.
    let at = frame.top_left;
    let baseline = if at.y >= 14 {
        Baseline::Bottom
    } else {
        Baseline::Top
    };
    let Ok(_) = Text::with_baseline(&text, at, style, baseline).draw(canvas);
}

/// The outline of `frame` in dashes, four pens long and as far apart.
fn dashed(
    canvas: &mut Canvas<'_>,
    frame: Rectangle,
    colour: Rgb888,
    pen: u32,
) -> Result<(), Infallible> {
    let Size { width, height } = frame.size;
    let (far_x, far_y) = (width.saturating_sub(pen), height.saturating_sub(pen));
    let at = |x: u32, y: u32| frame.top_left + Size::new(x, y);
    let dash = pen * 4;
    for x in (0..width).step_by(2 * dash as usize) {
        let size = Size::new(dash.min(width - x), pen);
        canvas.fill_solid(&Rectangle::new(at(x, 0), size), colour)?;
        canvas.fill_solid(&Rectangle::new(at(x, far_y), size), colour)?;
    }
    for y in (0..height).step_by(2 * dash as usize) {
        let size = Size::new(pen, dash.min(height - y));
        canvas.fill_solid(&Rectangle::new(at(0, y), size), colour)?;
        canvas.fill_solid(&Rectangle::new(at(far_x, y), size), colour)?;
    }
    Ok(())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a share of at most 2^14 pixels; `as` saturates, and NaN is 0"
)]
fn share(share: f32, of: u32) -> i32 {
    (share.clamp(0.0, 1.0) * of as f32) as i32
}

/// RGB memory to draw on; what lies outside is not drawn.
pub(super) struct Canvas<'a> {
    pub(super) pixels: &'a mut [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        let side = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Size::new(side(self.width), side(self.height))
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(point, colour) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y)) else {
                continue;
            };
            if x < self.width && y < self.height {
                let at = (y * self.width + x) * 3;
                self.pixels[at..at + 3].copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}
