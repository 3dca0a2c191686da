//! A handle of the library: made, asked how it went, destroyed.

use std::ffi::{CStr, c_int, c_void};

use turbojpeg::raw;

use super::{Soundness, TurboError};

/// A handle of the library, for one thread at a time.
#[derive(Debug)]
pub(super) struct Handle(pub(super) *mut c_void);

// SAFETY: the library keeps all state behind the handle and none per thread (TurboJPEG API 2);
// we never share one, only move it.
#[allow(unsafe_code, reason = "a raw pointer is not Send by itself")]
unsafe impl Send for Handle {}

impl Handle {
    pub(super) fn new(handle: *mut c_void) -> Result<Self, TurboError> {
        if handle.is_null() {
            return Err(TurboError::Start);
        }
        Ok(Self(handle))
    }

    /// Tells a warning from an error, and a warning that matters from one that does not.
    pub(super) fn soundness(&self, result: c_int) -> Result<Soundness, TurboError> {
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
