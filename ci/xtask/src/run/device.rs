//! Is this device node a camera? Asked of the kernel before anything slow begins.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::libc::{self, O_NONBLOCK};

/// The major number of all devices of V4L2.
const VIDEO_MAJOR: u32 = 81;

/// What a path turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Gives video, as far as can be told.
    Camera,
    /// A camera, perhaps: we may not open it.
    Denied,
    /// Another device: a null device, the metadata node of a camera.
    Other,
    /// A file or a folder.
    File,
    /// Not there.
    Nothing,
}

/// What `path` is.
pub(super) fn kind(path: &Path) -> Kind {
    let Ok(meta) = fs::metadata(path) else {
        return Kind::Nothing;
    };
    if meta.is_file() || meta.is_dir() {
        return Kind::File;
    }
    // Another device is not even opened: that alone can do things to it.
    if !meta.file_type().is_char_device() || libc::major(meta.rdev()) != VIDEO_MAJOR {
        return Kind::Other;
    }
    let file = File::options()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path);
    match file.and_then(|file| captures(&file)) {
        Ok(false) => Kind::Other,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Kind::Denied,
        // Busy, or just being unplugged: the service will tell.
        Ok(true) | Err(_) => Kind::Camera,
    }
}

/// The cameras of this machine, sorted.
pub(super) fn cameras() -> Vec<PathBuf> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("video"))
        .map(|entry| entry.path())
        .filter(|path| matches!(kind(path), Kind::Camera | Kind::Denied))
        .collect();
    found.sort();
    found
}

/// `struct v4l2_capability` of the kernel.
#[repr(C)]
#[derive(Default)]
struct Capability {
    driver: [u8; 16],
    card: [u8; 32],
    bus: [u8; 32],
    version: u32,
    whole: u32,
    node: u32,
    reserved: [u32; 3],
}

/// `VIDIOC_QUERYCAP`.
const QUERY_CAPABILITY: libc::c_ulong = 0x8068_5600;

/// Whether an open node of V4L2 gives video.
fn captures(file: &File) -> io::Result<bool> {
    const CAPTURES: u32 = 0x1;
    const NODE_IS_TOLD: u32 = 0x8000_0000;
    let mut found = Capability::default();
    // SAFETY: the request fills in a `v4l2_capability`, which `Capability` is, byte for byte.
    #[allow(unsafe_code, reason = "a request to a device")]
    let result = unsafe { libc::ioctl(file.as_raw_fd(), QUERY_CAPABILITY, &raw mut found) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // `whole` is the device's, with the metadata nodes of a camera among it.
    let told = found.whole & NODE_IS_TOLD != 0;
    let can = if told { found.node } else { found.whole };
    Ok(can & CAPTURES != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_told() {
        assert_eq!(kind(Path::new("/dev/null")), Kind::Other);
        assert_eq!(kind(Path::new("/dev")), Kind::File);
        assert_eq!(kind(Path::new("/dev/no-such-camera")), Kind::Nothing);
        assert_eq!(size_of::<Capability>(), 104);
    }
}
