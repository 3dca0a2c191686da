//! From JPEG to planes, or only to brightness at an eighth of the size.

use std::ffi::c_ulong;

use turbojpeg::raw;

use super::handle::Handle;
use super::{Planes, Soundness, TurboError, int};
use crate::jpeg::size;
use crate::picture::MOST_PIXELS;

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

fn checked_size(jpeg: &[u8]) -> Result<(u32, u32), TurboError> {
    let (width, height) = size(jpeg).ok_or(TurboError::NotJpeg)?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(TurboError::TooLarge { width, height });
    }
    Ok((width, height))
}
