//! Between YUYV and JPEG, and through JPEG and back: planes, never RGB.

use crate::jpeg::turbo::{Chroma, Decoder, Encoder, Planes, TurboError};

/// A decoder, an encoder and the planes between them, reused from picture to picture.
#[derive(Debug)]
pub struct Transcoder {
    decoder: Decoder,
    encoder: Encoder,
    planes: Planes,
    quality: u8,
}

impl Transcoder {
    /// Sets the library up; `quality` is 1..=100.
    pub fn new(quality: u8) -> Result<Self, TurboError> {
        Ok(Self {
            decoder: Decoder::new()?,
            encoder: Encoder::new()?,
            planes: Planes::default(),
            quality,
        })
    }

    /// Encodes packed YUYV; `yuyv` has `width * height * 2` bytes. The file is valid until the next call.
    pub fn jpeg_of_yuyv(
        &mut self,
        yuyv: &[u8],
        width: u32,
        height: u32,
    ) -> Result<&[u8], TurboError> {
        if (self.planes.width, self.planes.height) != (width, height)
            || self.planes.chroma.1 != height
        {
            self.planes = Planes::new(width, height, Chroma::Wide);
        }
        unpack(yuyv, &mut self.planes);
        self.encoder.encode(&self.planes, self.quality)
    }

    /// Decodes a JPEG, lets `change` work on its planes, and encodes it again.
    pub fn through_planes(
        &mut self,
        jpeg: &[u8],
        change: impl FnOnce(&mut Planes),
    ) -> Result<&[u8], TurboError> {
        self.decoder.planes(jpeg, &mut self.planes)?;
        change(&mut self.planes);
        self.encoder.encode(&self.planes, self.quality)
    }
}

/// Takes packed 4:2:2 apart. Odd widths do not exist in YUYV; a last odd column would be left out.
fn unpack(yuyv: &[u8], planes: &mut Planes) {
    let (line, width) = (planes.width as usize * 2, planes.chroma.0 as usize);
    let stride = planes.stride();
    if line == 0 || width == 0 || stride == 0 {
        return;
    }
    let [y, cb, cr] = planes.split();
    let lines = yuyv
        .chunks_exact(line)
        .zip(y.chunks_exact_mut(stride))
        .zip(cb.chunks_exact_mut(width).zip(cr.chunks_exact_mut(width)));
    for ((packed, y), (cb, cr)) in lines {
        let pairs = packed
            .chunks_exact(4)
            .zip(y.chunks_exact_mut(2))
            .zip(cb.iter_mut().zip(cr));
        for ((packed, y), (cb, cr)) in pairs {
            (y[0], *cb, y[1], *cr) = (packed[0], packed[1], packed[2], packed[3]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg;

    #[test]
    fn yuyv_becomes_a_jpeg_of_the_same_brightness() {
        let (width, height) = (64, 32);
        let yuyv: Vec<u8> = (0..width * height / 2)
            .flat_map(|_| [200, 128, 200, 128])
            .collect();
        let mut transcoder = Transcoder::new(90).unwrap();
        let file = transcoder
            .jpeg_of_yuyv(&yuyv, width, height)
            .unwrap()
            .to_vec();
        assert_eq!(jpeg::size(&file), Some((width, height)));
        let mut luma = Vec::new();
        Decoder::new()
            .unwrap()
            .luma_eighth(&file, &mut luma)
            .unwrap();
        assert!(luma.iter().all(|y| y.abs_diff(200) < 4), "{luma:?}");
    }

    #[test]
    fn planes_can_be_changed_on_the_way_through() {
        let yuyv = vec![128; 64 * 32 * 2];
        let mut transcoder = Transcoder::new(90).unwrap();
        let file = transcoder.jpeg_of_yuyv(&yuyv, 64, 32).unwrap().to_vec();
        let black = transcoder.through_planes(&file, |planes| planes.split()[0].fill(0));
        let black = black.unwrap().to_vec();
        let mut luma = Vec::new();
        Decoder::new()
            .unwrap()
            .luma_eighth(&black, &mut luma)
            .unwrap();
        assert!(luma.iter().all(|&y| y < 4));
    }
}
