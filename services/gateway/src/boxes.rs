//! Burns boxes into a picture: decode, draw, encode. Only for clients that ask (`?boxes=1`), once
//! per frame for all of them, and on a thread of its own, since it takes some 10 ms.

mod canvas;

use std::sync::Arc;

use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};
use vigla_bus::detector::{FrameDetections, Object};

use self::canvas::{Canvas, draw};
use crate::{
    config::Quality,
    hub::{Hub, Lookers},
    metrics::Metrics,
    picture::{Picture, Shown},
};

/// Larger pictures are passed on without boxes: 16 million pixels take 48 MB to draw on.
const MOST_PIXELS: usize = 16 << 20;

/// Why a picture could not be drawn on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrawError {
    #[error("start the JPEG library")]
    Start(#[source] turbojpeg::Error),
    #[error("decode a picture")]
    Decode(#[source] turbojpeg::Error),
    #[error("a picture of {0} pixels is too large to draw on")]
    TooLarge(usize),
    #[error("encode a picture")]
    Encode(#[source] turbojpeg::Error),
}

/// Draws boxes; keeps its buffers.
pub(crate) struct Painter {
    decoder: Decompressor,
    encoder: Compressor,
    canvas: Vec<u8>,
}

impl Painter {
    pub(crate) fn new(quality: Quality) -> Result<Self, DrawError> {
        let mut encoder = Compressor::new().map_err(DrawError::Start)?;
        encoder.set_quality(i32::from(quality.get()));
        encoder.set_subsamp(Subsamp::Sub2x2);
        Ok(Self {
            decoder: Decompressor::new().map_err(DrawError::Start)?,
            encoder,
            canvas: Vec::new(),
        })
    }

    /// The picture with boxes, as a JPEG.
    pub(crate) fn paint(&mut self, jpeg: &[u8], objects: &[Object]) -> Result<Vec<u8>, DrawError> {
        let head = match self.decoder.read_header(jpeg) {
            Ok(head) => head,
            Err(error) => {
                // libjpeg-turbo stays in the middle of a header that broke off: begin anew.
                self.decoder = Decompressor::new().map_err(DrawError::Start)?;
                return Err(DrawError::Decode(error));
            }
        };
        let (width, height) = (head.width, head.height);
        if width.saturating_mul(height) > MOST_PIXELS {
            return Err(DrawError::TooLarge(width.saturating_mul(height)));
        }
        self.canvas.resize(width * height * 3, 0);
        let image = Image {
            pixels: self.canvas.as_mut_slice(),
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        self.decoder
            .decompress(jpeg, image)
            .map_err(DrawError::Decode)?;
        let mut canvas = Canvas {
            pixels: &mut self.canvas,
            width,
            height,
        };
        for object in objects {
            draw(&mut canvas, object);
        }
        let image = Image {
            pixels: self.canvas.as_slice(),
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        self.encoder
            .compress_to_vec(image)
            .map_err(DrawError::Encode)
    }

    /// The picture with its boxes; the picture itself when there are none, or it cannot be drawn on.
    fn paint_shown(&mut self, shown: &Shown) -> Arc<Picture> {
        let record: FrameDetections =
            serde_json::from_slice(&shown.record.payload).unwrap_or_default();
        let picture = &shown.picture;
        if record.objects.is_empty() {
            return Arc::clone(picture);
        }
        self.paint(picture.jpeg(), &record.objects)
            .inspect_err(|error| tracing::debug!(?error, "no boxes, passing the picture on"))
            .ok()
            .and_then(|jpeg| Picture::new(picture.stamp, &jpeg))
            .map_or_else(|| Arc::clone(picture), Arc::new)
    }
}

/// Paints the newest pair of a camera while somebody wants boxes. Never ends by itself.
pub(crate) async fn run(hub: Arc<Hub>, quality: Quality, metrics: Metrics) -> anyhow::Result<()> {
    let mut lookers = hub.lookers();
    let mut shown = hub.shown();
    let mut painter = None;
    loop {
        lookers.wait_for(|Lookers { boxes, .. }| *boxes > 0).await?;
        let pair = tokio::select! {
            changed = shown.changed() => { changed?; shown.borrow_and_update().clone() }
            idle = lookers.wait_for(|now| now.boxes == 0) => { idle?; painter = None; continue; }
        };
        let Some(pair) = pair else { continue };
        let mut brush = match painter.take() {
            Some(brush) => brush,
            None => Painter::new(quality)?,
        };
        let work = move || {
            let picture = brush.paint_shown(&pair);
            (brush, picture)
        };
        let (brush, picture) = tokio::task::spawn_blocking(work).await?;
        painter = Some(brush);
        metrics.burned.inc();
        hub.take_burned(picture);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gray(width: usize, height: usize) -> Vec<u8> {
        let pixels = vec![128; width * height * 3];
        let image = Image {
            pixels: pixels.as_slice(),
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        turbojpeg::compress(image, 90, Subsamp::None)
            .unwrap()
            .to_vec()
    }

    fn object(label: &str, bounds: [f32; 4]) -> Object {
        Object {
            label: label.to_owned(),
            bounds,
            ..Object::default()
        }
    }

    fn painter() -> Painter {
        Painter::new(crate::config::Settings::default().stream.boxes_quality).unwrap()
    }

    fn pixel(jpeg: &[u8], x: usize, y: usize) -> [u8; 3] {
        let image = turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap();
        let at = y * image.pitch + x * 3;
        [image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]]
    }

    #[test]
    fn cars_are_green_and_people_are_red() {
        let objects = [
            object("car", [0.1, 0.4, 0.4, 0.9]),
            object("person", [0.6, 0.4, 0.9, 0.9]),
        ];
        let painted = painter().paint(&gray(800, 400), &objects).unwrap();
        let [r, g, _] = pixel(&painted, 80, 260);
        assert!(g > r + 40, "left edge of the car: {r} {g}");
        let [r, g, _] = pixel(&painted, 480, 260);
        assert!(r > g + 40, "left edge of the person: {r} {g}");
        let [r, g, b] = pixel(&painted, 400, 100);
        assert!(r.abs_diff(g) < 8 && g.abs_diff(b) < 8, "untouched");
    }

    /// Whether any pixel of a column is green.
    fn is_marked(jpeg: &[u8], x: usize) -> bool {
        (0..400).any(|y| {
            let [r, g, _] = pixel(jpeg, x, y);
            g > r.saturating_add(40)
        })
    }

    #[test]
    fn a_box_without_a_detection_is_dashed_and_soon_left_out() {
        let paint = |unseen_ms, stationary| {
            let object = Object {
                unseen_ms,
                stationary,
                ..object("car", [0.1, 0.4, 0.4, 0.9])
            };
            painter().paint(&gray(800, 400), &[object]).unwrap()
        };
        let expected = paint(200, false);
        assert!(is_marked(&expected, 80));
        let gap = (160..360).any(|y| pixel(&expected, 80, y)[1].abs_diff(128) < 12);
        assert!(gap, "dashed");
        assert!(!is_marked(&paint(301, false), 80));
        assert!(is_marked(&paint(5000, true), 80), "it stands where it was");
    }

    #[test]
    fn damaged_pictures_are_an_error() {
        let mut jpeg = gray(64, 64);
        jpeg.truncate(10);
        assert!(painter().paint(&jpeg, &[]).is_err());
        assert!(painter().paint(b"", &[]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_box_can_be_drawn(
            bounds: [f32; 4], label in ".{0,40}", score: f32, unseen_ms in 0..400_u64,
        ) {
            let object = Object { label, score, bounds, unseen_ms, ..Object::default() };
            painter().paint(&gray(48, 32), &[object]).unwrap();
        }
    }
}
