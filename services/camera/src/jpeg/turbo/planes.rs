//! A picture as planes: how large each is, by the library's own arithmetic.

use std::ffi::c_int;

use turbojpeg::raw;

use super::int;

/// Chroma subsampling, by the numbers of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// Two by two pixels share a colour.
    Half = 2,
    /// Two pixels in a line share a colour, as in YUYV.
    Wide = 1,
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
    pub(super) subsampling: c_int,
}

impl Planes {
    /// Grey planes for a picture of this size.
    pub fn new(width: u32, height: u32, chroma: Chroma) -> Self {
        let mut planes = Self::default();
        planes.shape(width, height, chroma as c_int);
        planes
    }

    /// Takes on a shape; bytes keep whatever was there.
    pub(super) fn shape(&mut self, width: u32, height: u32, subsampling: c_int) {
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
