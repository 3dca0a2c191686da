//! Pictures to measure with, from the street clip.

use turbojpeg::{PixelFormat, Subsamp};
use vigla_system_tests::assets;

/// Pictures of a film, few enough to stay in the page cache; they are shown round and round.
const PICTURES: usize = 32;
/// A value differs by this much at most, of 255.
const NOISE: u32 = 6;
const QUALITY: i32 = 80;

/// Frames of the clip as a camera would send them.
pub(crate) fn noisy() -> anyhow::Result<Vec<Vec<u8>>> {
    let stream = std::fs::read(assets::jpegs()?)?;
    let mut noise = Noise(1);
    let pictures = split(&stream).into_iter().step_by(4).take(PICTURES);
    pictures.map(|jpeg| noise.add(jpeg)).collect()
}

/// What a small sensor adds to a picture. Without it the smooth frames of the clip would be a fraction of what a
/// camera sends.
struct Noise(u32);

impl Noise {
    fn add(&mut self, jpeg: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut image = turbojpeg::decompress(jpeg, PixelFormat::RGB)?;
        for value in &mut image.pixels {
            // xorshift32
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            let by = (self.0 >> 8) % (2 * NOISE + 1);
            *value =
                u8::try_from((u32::from(*value) + by).saturating_sub(NOISE)).unwrap_or(u8::MAX);
        }
        let jpeg = turbojpeg::compress(image.as_deref(), QUALITY, Subsamp::Sub2x1)?;
        Ok(jpeg.to_vec())
    }
}

/// The pictures of a stream; in a JPEG nothing but its end looks like its end.
pub(crate) fn split(stream: &[u8]) -> Vec<&[u8]> {
    let mut pictures = Vec::new();
    let mut rest = stream;
    while let Some(end) = rest.windows(2).position(|two| two == [0xff, 0xd9]) {
        let (picture, after) = rest.split_at(end + 2);
        pictures.push(picture);
        rest = after;
    }
    pictures
}
