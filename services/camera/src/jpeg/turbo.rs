//! libjpeg-turbo where the safe wrapper is too narrow: planes in, planes out, warnings told apart.
//!
//! Masks and YUYV need planes re-encoded without a detour through RGB, and the health of a picture
//! depends on *what* the decoder grumbles about. This is the only unsafe code of this crate that
//! touches picture bytes: every buffer is sized by the library's own functions, just above the call.

use std::ffi::{CStr, c_int, c_ulong, c_void};

use turbojpeg::raw;

use super::size;
use crate::picture::MOST_PIXELS;

/// Chroma subsampling, by the numbers of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// Two by two pixels share a colour.
    Half = 2,
    /// Two pixels in a line share a colour, as in YUYV.
    Wide = 1,
}

/// Why a picture could not be decoded or encoded.
#[derive(Debug, thiserror::Error)]
pub enum TurboError {
    /// The library could not be set up: no memory.
    #[error("start the JPEG library")]
    Start,
    /// These bytes have no JPEG header.
    #[error("the picture is not a JPEG")]
    NotJpeg,
    /// More pixels than any camera of ours has.
    #[error("the picture has {width} x {height} pixels, too many")]
    TooLarge {
        /// Width in the header.
        width: u32,
        /// Height in the header.
        height: u32,
    },
    /// What the library says.
    #[error("{0}")]
    Library(String),
}

/// How decoding went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soundness {
    /// Nothing to remark.
    Sound,
    /// Decoded, but data was missing or wrong: part of the picture is grey or shifted.
    Damaged,
}

/// Planes of a picture, Y then Cb then Cr, lines without padding.
#[derive(Debug, Default, Clone)]
pub struct Planes {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Width and height of a colour plane; 0 when the picture is grey.
    pub chroma: (u32, u32),
    /// All three planes in one piece.
    pub bytes: Vec<u8>,
    subsampling: c_int,
}

impl Planes {
    /// Grey planes for a picture of this size.
    pub fn new(width: u32, height: u32, chroma: Chroma) -> Self {
        let mut planes = Self::default();
        planes.shape(width, height, chroma as c_int);
        planes
    }

    /// Takes on a shape; bytes keep whatever was there.
    fn shape(&mut self, width: u32, height: u32, subsampling: c_int) {
        let plane = |component: c_int| {
            // SAFETY: plain arithmetic on integers, -1 for what makes no sense.
            #[allow(unsafe_code, reason = "FFI")]
            let (w, h) = unsafe {
                (
                    raw::tjPlaneWidth(component, int(width), subsampling),
                    raw::tjPlaneHeight(component, int(height), subsampling),
                )
            };
            (u32::try_from(w).unwrap_or(0), u32::try_from(h).unwrap_or(0))
        };
        let grey = subsampling == raw::TJSAMP_TJSAMP_GRAY.cast_signed();
        let luma = plane(0);
        self.chroma = if grey { (0, 0) } else { plane(1) };
        (self.width, self.height, self.subsampling) = (width, height, subsampling);
        let area = |(w, h): (u32, u32)| w as usize * h as usize;
        self.bytes.resize(area(luma) + 2 * area(self.chroma), 128);
    }

    /// Bytes from one line of Y to the next (the library rounds odd widths up).
    pub fn stride(&self) -> usize {
        let colour = 2 * self.chroma.0 as usize * self.chroma.1 as usize;
        (self.bytes.len() - colour) / self.lines().max(1)
    }

    /// Lines of Y, at least `height`.
    fn lines(&self) -> usize {
        // SAFETY: plain arithmetic on integers.
        #[allow(unsafe_code, reason = "FFI")]
        let lines = unsafe { raw::tjPlaneHeight(0, int(self.height), self.subsampling) };
        usize::try_from(lines).unwrap_or(0)
    }

    /// The planes Y, Cb, Cr, to write to.
    pub fn split(&mut self) -> [&mut [u8]; 3] {
        let colour = self.chroma.0 as usize * self.chroma.1 as usize;
        let luma = self.bytes.len() - 2 * colour;
        let (y, rest) = self.bytes.split_at_mut(luma);
        let (cb, cr) = rest.split_at_mut(colour);
        [y, cb, cr]
    }
}

/// A decoder with its own state; reuse it.
#[derive(Debug)]
pub struct Decoder(Handle);

impl Decoder {
    /// Sets the library up.
    pub fn new() -> Result<Self, TurboError> {
        // SAFETY: returns a fresh handle or null, which `Handle` refuses.
        #[allow(unsafe_code, reason = "FFI")]
        let handle = unsafe { raw::tjInitDecompress() };
        Handle::new(handle).map(Self)
    }

    /// Decodes brightness at an eighth of the size, which leaves most of the work out.
    /// `luma` becomes `ceil(width / 8) * ceil(height / 8)` bytes; returns its width too.
    pub fn luma_eighth(
        &mut self,
        jpeg: &[u8],
        luma: &mut Vec<u8>,
    ) -> Result<(usize, Soundness), TurboError> {
        let (width, height) = checked_size(jpeg)?;
        let (w, h) = (width.div_ceil(8), height.div_ceil(8));
        luma.resize(w as usize * h as usize, 0);
        // SAFETY: `jpeg` is valid for its length; `luma` holds `h` lines of `w` bytes, and the library
        // writes the largest scaled size that fits `w` x `h`, one byte a pixel for TJPF_GRAY (6).
        #[allow(unsafe_code, reason = "FFI")]
        let result = unsafe {
            raw::tjDecompress2(
                self.0.0,
                jpeg.as_ptr(),
                jpeg.len() as c_ulong,
                luma.as_mut_ptr(),
                int(w),
                int(w),
                int(h),
                6,
                0,
            )
        };
        Ok((w as usize, self.0.soundness(result)?))
    }

    /// Decodes to planes in the subsampling of the file.
    pub fn planes(&mut self, jpeg: &[u8], planes: &mut Planes) -> Result<Soundness, TurboError> {
        checked_size(jpeg)?;
        let (mut width, mut height, mut subsampling, mut space) = (0, 0, 0, 0);
        // SAFETY: `jpeg` is valid for its length, the others are places for integers.
        #[allow(unsafe_code, reason = "FFI")]
        let result = unsafe {
            raw::tjDecompressHeader3(
                self.0.0,
                jpeg.as_ptr(),
                jpeg.len() as c_ulong,
                &raw mut width,
                &raw mut height,
                &raw mut subsampling,
                &raw mut space,
            )
        };
        self.0.soundness(result)?;
        let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height)) else {
            return Err(TurboError::NotJpeg);
        };
        if u64::from(w) * u64::from(h) > MOST_PIXELS {
            return Err(TurboError::TooLarge {
                width: w,
                height: h,
            });
        }
        planes.shape(w, h, subsampling);
        // SAFETY: `planes` was shaped by the library's own plane sizes for this width, height and
        // subsampling, which is what it writes with padding 1.
        #[allow(unsafe_code, reason = "FFI")]
        let result = unsafe {
            raw::tjDecompressToYUV2(
                self.0.0,
                jpeg.as_ptr(),
                jpeg.len() as c_ulong,
                planes.bytes.as_mut_ptr(),
                width,
                1,
                height,
                0,
            )
        };
        self.0.soundness(result)
    }
}

/// An encoder with its own state and output buffer; reuse it.
#[derive(Debug)]
pub struct Encoder {
    handle: Handle,
    output: Vec<u8>,
}

impl Encoder {
    /// Sets the library up.
    pub fn new() -> Result<Self, TurboError> {
        // SAFETY: returns a fresh handle or null, which `Handle` refuses.
        #[allow(unsafe_code, reason = "FFI")]
        let handle = unsafe { raw::tjInitCompress() };
        Ok(Self {
            handle: Handle::new(handle)?,
            output: Vec::new(),
        })
    }

    /// Encodes planes at `quality` (1..=100). The file is valid until the next call.
    pub fn encode(&mut self, planes: &Planes, quality: u8) -> Result<&[u8], TurboError> {
        let (width, height) = (int(planes.width), int(planes.height));
        // SAFETY: plain arithmetic on integers, all ones for what makes no sense.
        #[allow(unsafe_code, reason = "FFI")]
        let most = unsafe { raw::tjBufSize(width, height, planes.subsampling) };
        if most == c_ulong::MAX {
            return Err(TurboError::NotJpeg);
        }
        self.output
            .resize(usize::try_from(most).map_err(|_| TurboError::NotJpeg)?, 0);
        let mut output = self.output.as_mut_ptr();
        let mut length = most;
        // SAFETY: `planes.bytes` has the library's own size for this shape with padding 1, and
        // `output` its own worst case; NOREALLOC forbids it to replace our buffer.
        #[allow(unsafe_code, reason = "FFI")]
        let result = unsafe {
            raw::tjCompressFromYUV(
                self.handle.0,
                planes.bytes.as_ptr(),
                width,
                1,
                height,
                planes.subsampling,
                &raw mut output,
                &raw mut length,
                c_int::from(quality),
                int(raw::TJFLAG_NOREALLOC),
            )
        };
        self.handle.soundness(result)?;
        let length = usize::try_from(length).unwrap_or(0).min(self.output.len());
        Ok(&self.output[..length])
    }
}

/// A handle of the library, for one thread at a time.
#[derive(Debug)]
struct Handle(*mut c_void);

// SAFETY: the library keeps all state behind the handle and none per thread (TurboJPEG API 2);
// we never share one, only move it.
#[allow(unsafe_code, reason = "a raw pointer is not Send by itself")]
unsafe impl Send for Handle {}

impl Handle {
    fn new(handle: *mut c_void) -> Result<Self, TurboError> {
        if handle.is_null() {
            return Err(TurboError::Start);
        }
        Ok(Self(handle))
    }

    /// Tells a warning from an error, and a warning that matters from one that does not.
    fn soundness(&self, result: c_int) -> Result<Soundness, TurboError> {
        if result == 0 {
            return Ok(Soundness::Sound);
        }
        // SAFETY: the handle is alive, and its text is valid until the next call with it.
        #[allow(unsafe_code, reason = "FFI")]
        let (text, code) = unsafe {
            let text = CStr::from_ptr(raw::tjGetErrorStr2(self.0));
            (
                text.to_string_lossy().into_owned(),
                raw::tjGetErrorCode(self.0),
            )
        };
        if code != raw::TJERR_TJERR_WARNING.cast_signed() {
            return Err(TurboError::Library(text));
        }
        // Many webcams put a few bytes between scan and end: harmless, and constant.
        let harmless = text.contains("extraneous bytes");
        Ok(if harmless {
            Soundness::Sound
        } else {
            Soundness::Damaged
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by tjInit*, destroyed once.
        #[allow(unsafe_code, reason = "FFI")]
        unsafe {
            raw::tjDestroy(self.0);
        }
    }
}

fn checked_size(jpeg: &[u8]) -> Result<(u32, u32), TurboError> {
    let (width, height) = size(jpeg).ok_or(TurboError::NotJpeg)?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(TurboError::TooLarge { width, height });
    }
    Ok((width, height))
}

/// Sizes here are at most 65,535 by the format of the file, so nothing is lost.
fn int(value: u32) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests;
