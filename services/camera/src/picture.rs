//! One picture as a source hands it over: borrowed bytes and when they were taken.

/// How the bytes of a picture are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A JPEG file.
    Mjpg,
    /// Packed 4:2:2, two bytes a pixel, no padding between lines.
    Yuyv,
}

impl Format {
    /// The four-character code of V4L2 and of the frame ring.
    pub const fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Mjpg => *b"MJPG",
            Self::Yuyv => *b"YUYV",
        }
    }

    /// The code as text, as it is shown on the bus.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Mjpg => "MJPG",
            Self::Yuyv => "YUYV",
        }
    }

    /// The format with this code, if we know it.
    pub const fn from_fourcc(code: [u8; 4]) -> Option<Self> {
        match &code {
            // `JPEG` is what some drivers call the same bytes.
            b"MJPG" | b"JPEG" => Some(Self::Mjpg),
            b"YUYV" => Some(Self::Yuyv),
            _ => None,
        }
    }
}

/// Pictures with more pixels than this are refused: no camera of ours has them, and a few bytes of
/// a hostile header must not make us reserve gigabytes.
pub const MOST_PIXELS: u64 = 64 << 20;

/// A picture of a source, valid until the source is asked for the next one.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Layout of `bytes`.
    pub format: Format,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// The picture. Untrusted: a JPEG may be cut short or be no JPEG at all.
    pub bytes: &'a [u8],
    /// `CLOCK_BOOTTIME` at capture, microseconds.
    pub mono_usec: u64,
    /// The device itself says that the bytes are damaged.
    pub damaged: bool,
}
