//! What a model says of a picture: boxes with a label and a score.

use std::sync::Arc;

/// A box as shares of the picture: 0 is left or top, 1 is right or bottom.
///
/// Always ordered (`left <= right`, `top <= bottom`), finite and inside the picture when made
/// with [`Bounds::new`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bounds {
    /// Left edge, 0..=1.
    pub left: f32,
    /// Top edge, 0..=1.
    pub top: f32,
    /// Right edge, 0..=1.
    pub right: f32,
    /// Bottom edge, 0..=1.
    pub bottom: f32,
}

impl Bounds {
    /// The part of the box that lies in the picture; `None` when nothing does, or when a number
    /// is not finite.
    pub fn new(left: f32, top: f32, right: f32, bottom: f32) -> Option<Self> {
        if ![left, top, right, bottom]
            .iter()
            .all(|edge| edge.is_finite())
        {
            return None;
        }
        let clipped = Self {
            left: left.clamp(0.0, 1.0),
            top: top.clamp(0.0, 1.0),
            right: right.clamp(0.0, 1.0),
            bottom: bottom.clamp(0.0, 1.0),
        };
        (clipped.left < clipped.right && clipped.top < clipped.bottom).then_some(clipped)
    }

    /// A box without clipping, from its centre and size. The tracker predicts with these: a box
    /// may leave the picture.
    pub(crate) fn around(x: f32, y: f32, width: f32, height: f32) -> Self {
        let (half_width, half_height) = (width.max(0.0) / 2.0, height.max(0.0) / 2.0);
        Self {
            left: x - half_width,
            top: y - half_height,
            right: x + half_width,
            bottom: y + half_height,
        }
    }

    /// Width, a share of the picture's.
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Height, a share of the picture's.
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Area, a share of the picture's.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The middle, `(x, y)`.
    pub fn centre(&self) -> (f32, f32) {
        (
            f32::midpoint(self.left, self.right),
            f32::midpoint(self.top, self.bottom),
        )
    }

    /// The middle of the lower edge, `(x, y)`: where the object stands. Zones are tested with it.
    pub fn foot(&self) -> (f32, f32) {
        (f32::midpoint(self.left, self.right), self.bottom)
    }

    /// The area both boxes share.
    pub fn intersection(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union, 0..=1; 0 for boxes without area.
    pub fn overlap(&self, other: &Self) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// The share of the smaller box that lies in the other, 0..=1; 0 for boxes without area.
    pub fn containment(&self, other: &Self) -> f32 {
        let smaller = self.area().min(other.area());
        if smaller > 0.0 {
            self.intersection(other) / smaller
        } else {
            0.0
        }
    }

    /// `[left, top, right, bottom]`, as the bus carries it.
    pub fn to_array(self) -> [f32; 4] {
        [self.left, self.top, self.right, self.bottom]
    }
}

/// One object in one picture, as the model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Index into the model's labels.
    pub class: u16,
    /// The label of that index.
    pub label: Arc<str>,
    /// Confidence, 0..=1.
    pub score: f32,
    /// Where it is.
    pub bounds: Bounds,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_to_the_picture_and_refuses_what_is_outside_or_not_a_number() {
        assert_eq!(
            Bounds::new(-0.5, 0.2, 0.5, 1.5).unwrap().to_array(),
            [0.0, 0.2, 0.5, 1.0]
        );
        assert_eq!(Bounds::new(1.2, 0.0, 1.4, 1.0), None);
        assert_eq!(Bounds::new(0.5, 0.0, 0.4, 1.0), None);
        assert_eq!(Bounds::new(f32::NAN, 0.0, 1.0, 1.0), None);
    }

    #[test]
    fn overlap_of_a_box_with_itself_is_one_and_with_its_half_a_half() {
        let whole = Bounds::new(0.0, 0.0, 0.4, 0.4).unwrap();
        let half = Bounds::new(0.0, 0.0, 0.2, 0.4).unwrap();
        assert!((whole.overlap(&whole) - 1.0).abs() < 1e-6);
        assert!((whole.overlap(&half) - 0.5).abs() < 1e-6);
        assert_eq!(Bounds::default().overlap(&Bounds::default()), 0.0);
    }
}
