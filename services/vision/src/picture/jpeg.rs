//! JPEG through libjpeg-turbo, at the scale that is needed.

use turbojpeg::{Decompressor, Image, PixelFormat};

use super::{Picture, PictureError, THUMBNAIL_WIDTH, Thumbnail, bytes, check_size};

/// Scales in eighths for which libjpeg-turbo has fast code.
const SCALES: [u32; 4] = [1, 2, 4, 8];

/// A progressive JPEG is refused with more scans than this: a small file of thousands of scans
/// would be decoded for minutes. Encoders write about ten.
const MOST_SCANS: usize = 100;

#[derive(Debug)]
pub(super) struct Jpeg {
    decompressor: Decompressor,
}

impl Jpeg {
    pub(super) fn new() -> Result<Self, PictureError> {
        let decompressor = Decompressor::new().map_err(|error| wrong(&error))?;
        Ok(Self { decompressor })
    }

    pub(super) fn rgb(
        &mut self,
        jpeg: &[u8],
        need: (u32, u32),
        picture: &mut Picture,
    ) -> Result<(), PictureError> {
        let (width, height) = self.size(jpeg)?;
        let fits = |eighths| scaled(width, eighths) >= need.0 && scaled(height, eighths) >= need.1;
        let eighths = SCALES
            .into_iter()
            .find(|eighths| fits(*eighths))
            .unwrap_or(8);
        picture.reshape(scaled(width, eighths), scaled(height, eighths));
        let size = (picture.width, picture.height);
        self.decompress(jpeg, size, PixelFormat::RGB, &mut picture.rgb)
    }

    pub(super) fn luma(
        &mut self,
        jpeg: &[u8],
        thumbnail: &mut Thumbnail,
    ) -> Result<(), PictureError> {
        let (width, height) = self.size(jpeg)?;
        let wide_enough = |eighths| scaled(width, eighths) >= THUMBNAIL_WIDTH;
        let eighths = SCALES
            .into_iter()
            .find(|eighths| wide_enough(*eighths))
            .unwrap_or(8);
        thumbnail.reshape(scaled(width, eighths), scaled(height, eighths));
        let size = (thumbnail.width, thumbnail.height);
        self.decompress(jpeg, size, PixelFormat::GRAY, &mut thumbnail.luma)
    }

    fn size(&mut self, jpeg: &[u8]) -> Result<(u32, u32), PictureError> {
        let header = match self.decompressor.read_header(jpeg) {
            Ok(header) => header,
            Err(error) => {
                // libjpeg-turbo stays in the middle of a header that breaks off, and would take
                // the next, good picture for the rest of it, and so for ever.
                *self = Self::new()?;
                return Err(wrong(&error));
            }
        };
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = (side(header.width), side(header.height));
        check_size(width, height)?;
        if too_many_scans(jpeg) {
            return Err(PictureError::Jpeg(format!("more than {MOST_SCANS} scans")));
        }
        Ok((width, height))
    }

    fn decompress(
        &mut self,
        jpeg: &[u8],
        (width, height): (u32, u32),
        format: PixelFormat,
        pixels: &mut [u8],
    ) -> Result<(), PictureError> {
        let image = Image {
            pixels,
            width: width as usize,
            pitch: bytes(width, 1, format.size()),
            height: height as usize,
            format,
        };
        match self.decompressor.decompress(jpeg, image) {
            Err(error) if !is_harmless(&error) => Err(wrong(&error)),
            _ => Ok(()),
        }
    }
}

/// The side of a picture at a scale, as libjpeg-turbo rounds it.
fn scaled(side: u32, eighths: u32) -> u32 {
    side.saturating_mul(eighths).div_ceil(8)
}

/// Many cameras put a few bytes of padding between the picture and its end marker. libjpeg-turbo
/// decodes such a picture whole and then reports it like a damaged one.
fn is_harmless(error: &turbojpeg::Error) -> bool {
    let text = error.to_string();
    text.contains("extraneous bytes before marker") || text.contains("unknown JFIF revision")
}

fn wrong(error: &turbojpeg::Error) -> PictureError {
    let text = error.to_string();
    let plain = text.strip_prefix("TurboJPEG error: ").unwrap_or(&text);
    PictureError::Jpeg(plain.to_owned())
}

/// Whether this is a progressive JPEG with a suspicious number of scans. Cameras send baseline
/// pictures, for which only the header is looked at.
fn too_many_scans(jpeg: &[u8]) -> bool {
    if !is_progressive(jpeg) {
        return false;
    }
    let starts = jpeg.windows(2).filter(|pair| *pair == [0xFF, 0xDA]);
    starts.take(MOST_SCANS + 1).count() > MOST_SCANS
}

fn is_progressive(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    while let [0xFF, marker, high, low, ..] = *rest {
        match marker {
            0xC2 | 0xC6 | 0xCA | 0xCE => return true,
            0xC0 | 0xC1 | 0xDA => return false,
            0xFF => rest = &rest[1..],
            _ => {
                let skip = 2 + usize::from(u16::from_be_bytes([high, low]));
                rest = rest.get(skip..).unwrap_or_default();
            }
        }
    }
    false
}
