//! Pictures: from what a camera gives to RGB at the size a model needs, and to the small grey
//! picture that the motion gate looks at.
//!
//! A JPEG is decoded straight to the scale that is needed (its transform can be stopped early:
//! half the side is a quarter of the work), so a full picture is never made only to be shrunk.
//! All buffers are reused from frame to frame.

mod jpeg;
mod raw;

use crate::model::InferError;

/// No picture of more pixels than this is decoded, whatever its header says.
pub const MOST_PIXELS: u64 = 64_000_000;

/// Wanted width of a thumbnail, in pixels; real ones are 80 to 160 wide where the picture allows.
const THUMBNAIL_WIDTH: u32 = 80;

/// An RGB picture: rows from the top, three bytes a pixel, no padding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}

/// A grey picture, at most 160 pixels wide: what the motion gate looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thumbnail {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height` bytes, 0 black to 255 white.
    pub luma: Vec<u8>,
}

/// How the bytes of a frame are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JPEG picture (`MJPG`, `JPEG`), also without Huffman tables as some cameras send it.
    Jpeg,
    /// Two pixels in four bytes: luma, blue, luma, red (`YUYV`), limited range, BT.601.
    Yuyv,
    /// Three bytes a pixel (`RGB3`).
    Rgb,
}

/// The bytes of a frame, borrowed from wherever they are.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// How to read them.
    pub format: Format,
    /// Width in pixels; for a JPEG its own header decides.
    pub width: u32,
    /// Height in pixels; for a JPEG its own header decides.
    pub height: u32,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A frame cannot be made into a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// A format that we do not read.
    #[error("pictures of format `{0}` cannot be read; `MJPG`, `YUYV` and `RGB3` can")]
    Format(String),
    /// The JPEG is damaged or not one.
    #[error("decode the JPEG: {0}")]
    Jpeg(String),
    /// More pixels than [`MOST_PIXELS`], or none.
    #[error("the picture has {width}x{height} pixels; 1 to {MOST_PIXELS} can be read")]
    Size {
        /// Width it claims.
        width: u32,
        /// Height it claims.
        height: u32,
    },
    /// Fewer bytes than its size needs.
    #[error("the picture has {have} bytes; {width}x{height} pixels need {need}")]
    Short {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that takes.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// The conversion to RGB refused.
    #[error("convert the picture to RGB: {0}")]
    Convert(String),
}

impl Format {
    /// The format of a V4L2 four-character code.
    pub fn of(fourcc: [u8; 4]) -> Result<Self, PictureError> {
        match &fourcc {
            b"MJPG" | b"JPEG" => Ok(Self::Jpeg),
            b"YUYV" => Ok(Self::Yuyv),
            b"RGB3" => Ok(Self::Rgb),
            other => {
                let text = other.escape_ascii().to_string();
                Err(PictureError::Format(text))
            }
        }
    }
}

impl Picture {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> Self {
        let mut picture = Self::default();
        picture.reshape(width, height);
        picture
    }

    /// Gives the picture another size and keeps its memory. What it shows is undefined after.
    fn reshape(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        self.rgb.resize(bytes(width, height, 3), 0);
    }

    /// Whether it holds as many pixels as it says, and at least one.
    pub(crate) fn check(&self) -> Result<(), InferError> {
        let need = bytes(self.width, self.height, 3);
        if need > 0 && self.rgb.len() == need {
            return Ok(());
        }
        Err(InferError::Picture {
            width: self.width,
            height: self.height,
            need,
            have: self.rgb.len(),
        })
    }
}

/// Turns frames into pictures; keeps what it needs from frame to frame.
#[derive(Debug)]
pub struct Decoder {
    jpeg: jpeg::Jpeg,
}

impl Decoder {
    /// A decoder.
    ///
    /// # Errors
    /// Only when libjpeg-turbo has no memory.
    pub fn new() -> Result<Self, PictureError> {
        Ok(Self {
            jpeg: jpeg::Jpeg::new()?,
        })
    }

    /// Decodes a frame into `picture`, no larger than needed: the smallest scale whose width and
    /// height are both at least `need`, or whole when it is smaller. The shape stays the same.
    pub fn decode(
        &mut self,
        frame: &Frame<'_>,
        need: (u32, u32),
        picture: &mut Picture,
    ) -> Result<(), PictureError> {
        match frame.format {
            Format::Jpeg => self.jpeg.rgb(frame.bytes, need, picture),
            Format::Yuyv => raw::yuyv(frame, picture),
            Format::Rgb => raw::rgb(frame, picture),
        }
    }

    /// Decodes a frame at its own size.
    pub fn decode_whole(
        &mut self,
        frame: &Frame<'_>,
        picture: &mut Picture,
    ) -> Result<(), PictureError> {
        self.decode(frame, (u32::MAX, u32::MAX), picture)
    }

    /// Makes the thumbnail of a frame, without making the picture.
    pub fn thumbnail(
        &mut self,
        frame: &Frame<'_>,
        thumbnail: &mut Thumbnail,
    ) -> Result<(), PictureError> {
        match frame.format {
            Format::Jpeg => self.jpeg.luma(frame.bytes, thumbnail),
            Format::Yuyv => raw::yuyv_luma(frame, thumbnail),
            Format::Rgb => raw::rgb_luma(frame, thumbnail),
        }
    }
}

/// Decodes a JPEG at its own size, for single pictures.
pub fn decode_rgb(jpeg: &[u8]) -> Result<Picture, PictureError> {
    let mut picture = Picture::default();
    let frame = Frame {
        format: Format::Jpeg,
        width: 0,
        height: 0,
        bytes: jpeg,
    };
    Decoder::new()?.decode_whole(&frame, &mut picture)?;
    Ok(picture)
}

fn check_size(width: u32, height: u32) -> Result<(), PictureError> {
    if (1..=MOST_PIXELS).contains(&(u64::from(width) * u64::from(height))) {
        Ok(())
    } else {
        Err(PictureError::Size { width, height })
    }
}

fn bytes(width: u32, height: u32, per_pixel: usize) -> usize {
    (width as usize)
        .saturating_mul(height as usize)
        .saturating_mul(per_pixel)
}

#[cfg(test)]
mod tests;
