//! One open device node: the system calls, made safe, and what the device agrees to.
//!
//! What it offers is read in `offers`. Whatever a device says is taken as a number
//! or as text that may be anything.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use v4l::Device;
use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

use super::choice::Choice;
use super::offers;
use crate::picture::Format;
use crate::source::SourceError;

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`.
pub(super) const CAPTURE: u32 = 1;
/// `V4L2_CAP_VIDEO_CAPTURE` and `V4L2_CAP_STREAMING`.
const NEEDED: u32 = 0x1 | 0x0400_0000;
/// `V4L2_CAP_DEVICE_CAPS`.
const DEVICE_CAPS: u32 = 0x8000_0000;

/// A device node, open for reading and writing, not blocking.
pub struct Node {
    device: Device,
    path: PathBuf,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.path.display())
    }
}

impl Node {
    /// Opens a capture device.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        if path.as_os_str().as_bytes().contains(&0) {
            return Err(SourceError::Gone(path.into()));
        }
        let device = Device::with_path(path).map_err(|error| fault(path, "opening", error))?;
        let node = Self {
            device,
            path: path.into(),
        };
        let mut caps: sys::v4l2_capability = blank();
        node.call(vidioc::VIDIOC_QUERYCAP, &mut caps)
            .map_err(|error| match error.raw_os_error() {
                Some(nix::libc::ENOTTY | nix::libc::EINVAL) => SourceError::NotCamera(path.into()),
                _ => fault(path, "asking the kind", error),
            })?;
        let can = if caps.capabilities & DEVICE_CAPS == 0 {
            caps.capabilities
        } else {
            caps.device_caps
        };
        if can & NEEDED != NEEDED {
            return Err(SourceError::NotCamera(path.into()));
        }
        Ok(node)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.device.handle().fd()
    }

    /// The descriptor, to wait for.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to `self.device`, which lives as long as the borrow.
        #[allow(unsafe_code, reason = "`v4l` gives descriptors as numbers")]
        unsafe {
            BorrowedFd::borrow_raw(self.raw_fd())
        }
    }

    /// One system call, repeated when a signal interrupts it.
    pub(super) fn call<T: Plain>(
        &self,
        request: vidioc::_IOC_TYPE,
        argument: &mut T,
    ) -> io::Result<()> {
        // A request has the size of its argument in bits 16 to 29.
        debug_assert_eq!((request >> 16 & 0x3fff) as usize, size_of::<T>());
        loop {
            // SAFETY: the argument is a structure of the kernel's layout (`Plain`), exclusively
            // borrowed and of the size that the request says; pointers inside it are those of the caller.
            #[allow(unsafe_code, reason = "ioctl")]
            let result =
                unsafe { v4l::v4l2::ioctl(self.raw_fd(), request, (&raw mut *argument).cast()) };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// The same, with an error that says what we wanted.
    pub(super) fn ask<T: Plain>(
        &self,
        act: &'static str,
        request: vidioc::_IOC_TYPE,
        argument: &mut T,
    ) -> Result<(), SourceError> {
        self.call(request, argument)
            .map_err(|error| fault(&self.path, act, error))
    }

    /// Asks for `choice`; the device answers with what it will really give.
    pub fn agree(&self, choice: Choice) -> Result<Choice, SourceError> {
        let mut format: sys::v4l2_format = blank();
        format.type_ = CAPTURE;
        format.fmt.pix = sys::v4l2_pix_format {
            width: choice.width,
            height: choice.height,
            pixelformat: u32::from_le_bytes(choice.format.fourcc()),
            ..blank()
        };
        self.ask("setting the format", vidioc::VIDIOC_S_FMT, &mut format)?;
        // SAFETY: every arm of the union is plain numbers, and for CAPTURE the device filled in `pix`.
        #[allow(unsafe_code, reason = "a union of the kernel's")]
        let agreed = unsafe { format.fmt.pix };
        let same = Format::from_fourcc(agreed.pixelformat.to_le_bytes()) == Some(choice.format);
        if !same || agreed.width == 0 || agreed.height == 0 {
            return Err(SourceError::NoFormat(self.path.clone()));
        }
        Ok(Choice {
            width: agreed.width,
            height: agreed.height,
            stride: match choice.format {
                Format::Mjpg => 0,
                Format::Yuyv => agreed.bytesperline,
            },
            rate: self.agree_rate(choice.rate),
            ..choice
        })
    }

    /// Asks for a rate; a device that has only one refuses, and that is fine.
    fn agree_rate(&self, rate: f64) -> f64 {
        let mut parameters: sys::v4l2_streamparm = blank();
        parameters.type_ = CAPTURE;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 240,000"
        )]
        let timeperframe = sys::v4l2_fract {
            numerator: 1000,
            denominator: (rate * 1000.0).round() as u32,
        };
        parameters.parm.capture = sys::v4l2_captureparm {
            timeperframe,
            ..blank()
        };
        if let Err(error) = self.call(vidioc::VIDIOC_S_PARM, &mut parameters) {
            tracing::debug!(%error, "the device keeps its rate");
            return rate;
        }
        // SAFETY: every arm of the union is plain numbers.
        #[allow(unsafe_code, reason = "a union of the kernel's")]
        let agreed = unsafe { parameters.parm.capture.timeperframe };
        offers::rate(agreed).unwrap_or(rate)
    }
}

/// Whether `path` is a device of V4L2, told without opening it: opening can do things to a device
/// that is something else (a watchdog starts to count).
pub fn is_video(path: &Path) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    const VIDEO_MAJOR: u64 = 81;
    std::fs::metadata(path).is_ok_and(|meta| {
        let major = nix::libc::major(meta.rdev());
        meta.file_type().is_char_device() && u64::from(major) == VIDEO_MAJOR
    })
}

/// Structures of the kernel for which every bit pattern is valid, zero included.
///
/// # Safety
///
/// Implemented for plain numbers, arrays and unions of them, and raw pointers, in C layout.
#[allow(
    unsafe_code,
    reason = "the promise that `blank` and `Node::call` rely on"
)]
pub(super) unsafe trait Plain {}

macro_rules! plain {
    ($($type:ty),+ $(,)?) => {$(
        // SAFETY: C layout, plain numbers and raw pointers only.
        #[allow(unsafe_code, reason = "see `Plain`")]
        unsafe impl Plain for $type {}
    )+};
}

plain!(
    i32,
    sys::v4l2_buffer,
    sys::v4l2_capability,
    sys::v4l2_captureparm,
    sys::v4l2_ext_control,
    sys::v4l2_ext_controls,
    sys::v4l2_fmtdesc,
    sys::v4l2_format,
    sys::v4l2_frmivalenum,
    sys::v4l2_frmsizeenum,
    sys::v4l2_pix_format,
    sys::v4l2_query_ext_ctrl,
    sys::v4l2_requestbuffers,
    sys::v4l2_streamparm,
);

/// All zeros, as the kernel wants fields that are not used.
pub(super) fn blank<T: Plain>() -> T {
    // SAFETY: zero is valid for every `Plain`.
    #[allow(unsafe_code, reason = "see `Plain`")]
    unsafe {
        zeroed()
    }
}

pub(super) fn is_gone(error: &io::Error) -> bool {
    use nix::libc::{ENODEV, ENOENT, ENXIO};
    matches!(error.raw_os_error(), Some(ENODEV | ENOENT | ENXIO))
}

/// An error of the kernel as what it means for a camera.
pub(super) fn fault(path: &Path, act: &'static str, source: io::Error) -> SourceError {
    use nix::libc::{EACCES, EBUSY, EPERM};
    match source.raw_os_error() {
        _ if is_gone(&source) => SourceError::Gone(path.into()),
        Some(EBUSY) => SourceError::Busy(path.into()),
        Some(EACCES | EPERM) => SourceError::Denied(path.into()),
        _ => SourceError::Device {
            act,
            path: path.into(),
            source,
        },
    }
}
