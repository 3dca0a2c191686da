//! A small drawing board: shapes with soft edges on RGB, in scene coordinates.

use super::scene::{HEIGHT, WIDTH};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// A point in scene coordinates.
pub type Point = (f64, f64);

/// An RGB picture that is drawn on in scene coordinates, whatever its size.
#[derive(Debug, Clone)]
pub struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    /// Scene units per pixel.
    unit: Point,
}

impl Canvas {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            pixels: vec![0; width as usize * height as usize * 3],
            unit: (WIDTH / f64::from(width), HEIGHT / f64::from(height)),
        }
    }

    /// Width in pixels.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The picture, three bytes a pixel, no padding.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Makes this picture like `other`, of the same size.
    pub fn copy_from(&mut self, other: &Self) {
        self.pixels.copy_from_slice(&other.pixels);
    }

    /// A vertical run from one colour to another, over the whole width.
    pub fn gradient(&mut self, top: f64, bottom: f64, from: Colour, to: Colour) {
        let steps = (bottom - top) / self.unit.1;
        let mut y = top;
        while y < bottom {
            let share = ((y - top) / self.unit.1 / steps).clamp(0.0, 1.0);
            let colour = std::array::from_fn(|i| mix(from[i], to[i], share));
            self.rectangle([0.0, y, WIDTH, y + self.unit.1], 0.0, colour);
            y += self.unit.1;
        }
    }

    /// A rectangle (left, top, right, bottom) with corners rounded by `radius`.
    pub fn rectangle(&mut self, bounds: [f64; 4], radius: f64, colour: Colour) {
        let [left, top, right, bottom] = bounds;
        let centre = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        let half = ((right - left) / 2.0 - radius, (bottom - top) / 2.0 - radius);
        self.shape(bounds, colour, |x, y| {
            let (dx, dy) = ((x - centre.0).abs() - half.0, (y - centre.1).abs() - half.1);
            dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
        });
    }

    /// A disc.
    pub fn disc(&mut self, centre: Point, radius: f64, colour: Colour) {
        self.line(centre, centre, radius, colour);
    }

    /// A thick line with round ends.
    pub fn line(&mut self, a: Point, b: Point, radius: f64, colour: Colour) {
        let bounds = [
            a.0.min(b.0) - radius,
            a.1.min(b.1) - radius,
            a.0.max(b.0) + radius,
            a.1.max(b.1) + radius,
        ];
        let (vx, vy) = (b.0 - a.0, b.1 - a.1);
        let length = vx.mul_add(vx, vy * vy).max(1e-9);
        self.shape(bounds, colour, |x, y| {
            let (px, py) = (x - a.0, y - a.1);
            let along = (px.mul_add(vx, py * vy) / length).clamp(0.0, 1.0);
            (px - along * vx).hypot(py - along * vy) - radius
        });
    }

    /// A convex shape; corners clockwise as seen on the screen.
    pub fn polygon(&mut self, corners: &[Point], colour: Colour) {
        let least = |f: fn(&Point) -> f64| corners.iter().map(f).fold(f64::MAX, f64::min);
        let most = |f: fn(&Point) -> f64| corners.iter().map(f).fold(f64::MIN, f64::max);
        let bounds = [least(|p| p.0), least(|p| p.1), most(|p| p.0), most(|p| p.1)];
        self.shape(bounds, colour, |x, y| {
            let next = corners.iter().cycle().skip(1);
            let sides = corners.iter().zip(next).map(|(a, b)| {
                let (ex, ey) = (b.0 - a.0, b.1 - a.1);
                ((x - a.0) * ey - (y - a.1) * ex) / ex.hypot(ey).max(1e-9)
            });
            sides.fold(f64::MIN, f64::max)
        });
    }

    /// Colours the pixels of `bounds` by their distance to a shape: negative inside, in scene units.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the picture just before"
    )]
    fn shape(&mut self, bounds: [f64; 4], colour: Colour, distance: impl Fn(f64, f64) -> f64) {
        let (ux, uy) = self.unit;
        let column = |x: f64| (x / ux).clamp(0.0, f64::from(self.width)) as u32;
        let row = |y: f64| (y / uy).clamp(0.0, f64::from(self.height)) as u32;
        let columns = column(bounds[0] - ux)..column(bounds[2] + 2.0 * ux);
        let line = self.width as usize * 3;
        let soft = 1.0 / ux.max(uy);
        for y in row(bounds[1] - uy)..row(bounds[3] + 2.0 * uy) {
            let scene_y = (f64::from(y) + 0.5) * uy;
            for x in columns.clone() {
                let cover = 0.5 - distance((f64::from(x) + 0.5) * ux, scene_y) * soft;
                if cover <= 0.0 {
                    continue;
                }
                let at = y as usize * line + x as usize * 3;
                let Some(pixel) = self.pixels.get_mut(at..at + 3) else {
                    continue;
                };
                if cover >= 1.0 {
                    pixel.copy_from_slice(&colour);
                } else {
                    for (old, new) in pixel.iter_mut().zip(colour) {
                        *old = mix(*old, new, cover);
                    }
                }
            }
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between two bytes"
)]
fn mix(from: u8, to: u8, share: f64) -> u8 {
    (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Colour = [255, 0, 0];

    fn at(canvas: &Canvas, x: usize, y: usize) -> u8 {
        canvas.pixels()[(y * canvas.width() as usize + x) * 3]
    }

    #[test]
    fn shapes_are_where_they_should_be() {
        let mut canvas = Canvas::new(128, 72);
        canvas.rectangle([100.0, 100.0, 300.0, 200.0], 50.0, RED);
        canvas.polygon(&[(600.0, 100.0), (700.0, 100.0), (650.0, 200.0)], RED);
        assert_eq!(
            (at(&canvas, 20, 15), at(&canvas, 9, 15), at(&canvas, 10, 10)),
            (255, 0, 0)
        );
        assert_eq!((at(&canvas, 65, 12), at(&canvas, 61, 18)), (255, 0));
    }

    #[test]
    fn drawing_outside_is_no_fault() {
        let mut canvas = Canvas::new(33, 17);
        canvas.disc((-50.0, 5000.0), 400.0, RED);
        canvas.rectangle([-100.0, -100.0, 5000.0, 5000.0], 10.0, RED);
        assert_eq!(at(&canvas, 32, 16), 255);
    }
}
