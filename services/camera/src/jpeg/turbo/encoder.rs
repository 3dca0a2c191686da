//! From planes to JPEG.

use std::ffi::{c_int, c_ulong};

use turbojpeg::raw;

use super::handle::Handle;
use super::{Planes, TurboError, int};

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
