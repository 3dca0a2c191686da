//! Everything that a device offers in formats that we take.
//!
//! Enumerations end after a sane count, so that no driver can keep us in a loop.

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

use super::choice::{Offer, Rates};
use super::node::{CAPTURE, Node, Plain, blank, is_gone};
use crate::picture::Format;
use crate::source::SourceError;

/// No device lists more formats, sizes or rates than this.
const MOST: u32 = 256;

impl Node {
    /// Asks for item after item until the device has no more.
    fn each<T: Plain>(
        &self,
        request: vidioc::_IOC_TYPE,
        make: impl Fn(u32) -> T,
    ) -> Result<Vec<T>, SourceError> {
        let mut items = Vec::new();
        for index in 0..MOST {
            let mut item = make(index);
            match self.call(request, &mut item) {
                Ok(()) => items.push(item),
                Err(error) if is_gone(&error) => return Err(SourceError::Gone(self.path().into())),
                Err(_) => break,
            }
        }
        Ok(items)
    }

    /// Everything that the device offers in formats that we take.
    pub fn offers(&self) -> Result<Vec<Offer>, SourceError> {
        let formats = self.each(vidioc::VIDIOC_ENUM_FMT, |index| sys::v4l2_fmtdesc {
            index,
            type_: CAPTURE,
            ..blank()
        })?;
        let mut offers = Vec::new();
        for pixelformat in formats.iter().map(|f| f.pixelformat) {
            let Some(format) = Format::from_fourcc(pixelformat.to_le_bytes()) else {
                continue;
            };
            for (width, height) in self.sizes(pixelformat)? {
                offers.push(Offer {
                    format,
                    width,
                    height,
                    rates: self.rates(pixelformat, width, height)?,
                });
            }
        }
        Ok(offers)
    }

    fn sizes(&self, pixel_format: u32) -> Result<Vec<(u32, u32)>, SourceError> {
        let sizes = self.each(vidioc::VIDIOC_ENUM_FRAMESIZES, |index| {
            sys::v4l2_frmsizeenum {
                index,
                pixel_format,
                ..blank()
            }
        })?;
        let mut all: Vec<(u32, u32)> = Vec::new();
        for size in sizes {
            // SAFETY: both arms are plain numbers; `type_` says which one the device filled in.
            #[allow(unsafe_code, reason = "a union of the kernel's")]
            unsafe {
                let size_of_it = size.__bindgen_anon_1;
                if size.type_ == sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
                    all.push((size_of_it.discrete.width, size_of_it.discrete.height));
                } else {
                    all.extend(usual_sizes(size_of_it.stepwise));
                }
            }
        }
        Ok(all)
    }

    fn rates(&self, pixel_format: u32, width: u32, height: u32) -> Result<Rates, SourceError> {
        let intervals = self.each(vidioc::VIDIOC_ENUM_FRAMEINTERVALS, |index| {
            sys::v4l2_frmivalenum {
                index,
                pixel_format,
                width,
                height,
                ..blank()
            }
        })?;
        let mut each = Vec::new();
        for interval in intervals {
            // SAFETY: both arms are plain numbers; `type_` says which one the device filled in.
            #[allow(unsafe_code, reason = "a union of the kernel's")]
            unsafe {
                let between = interval.__bindgen_anon_1;
                if interval.type_ == sys::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE {
                    each.extend(rate(between.discrete));
                } else if let (Some(most), Some(least)) =
                    (rate(between.stepwise.min), rate(between.stepwise.max))
                {
                    return Ok(Rates::Between(least.min(most), most.max(least)));
                }
            }
        }
        Ok(if each.is_empty() {
            Rates::Unknown
        } else {
            Rates::Each(each)
        })
    }
}

/// Frames a second of an interval; `None` for none that makes sense.
pub(super) fn rate(interval: sys::v4l2_fract) -> Option<f64> {
    let seconds = f64::from(interval.numerator) / f64::from(interval.denominator);
    (seconds.is_finite() && seconds > 0.0).then(|| 1.0 / seconds)
}

/// Of a device that scales to any size: the usual ones within its range, and its largest.
fn usual_sizes(range: sys::v4l2_frmsize_stepwise) -> Vec<(u32, u32)> {
    const USUAL: [(u32, u32); 7] = [
        (320, 240),
        (640, 360),
        (640, 480),
        (800, 600),
        (1280, 720),
        (1280, 960),
        (1920, 1080),
    ];
    let on_step = |value: u32, least: u32, step: u32| (value - least).is_multiple_of(step.max(1));
    let fits = |&(w, h): &(u32, u32)| {
        (range.min_width..=range.max_width).contains(&w)
            && (range.min_height..=range.max_height).contains(&h)
            && on_step(w, range.min_width, range.step_width)
            && on_step(h, range.min_height, range.step_height)
    };
    let largest = (range.max_width, range.max_height);
    USUAL.into_iter().filter(fits).chain([largest]).collect()
}
