//! Recorded and remote video: JPEG streams and folders natively, everything else through ffmpeg.
//!
//! Files loop for ever at their own pace. [`jpegs`] reads `.mjpeg`, `.mjpg`, single JPEGs and folders of
//! them, without any other program; [`ffmpeg`] runs a child that decodes whatever it knows, also
//! RTSP, and writes JPEGs to a pipe.

pub mod ffmpeg;
pub mod jpegs;
pub mod url;

use std::io;
use std::path::Path;
use std::time::Duration;

use vigla_kit::Clock;

use self::ffmpeg::{Ffmpeg, Input};
use self::jpegs::Jpegs;
use super::{Cause, Source, SourceError};
use crate::jpeg;
use crate::picture::{Format, Picture};

/// How pictures are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Wish {
    /// Pictures a second; the recording's own when `None`.
    pub rate: Option<f64>,
    /// Greatest width and height; never enlarged, the aspect is kept.
    pub size: Option<(u32, u32)>,
}

/// What ffmpeg would draw as a picture of letters.
const TEXTS: [&str; 8] = ["txt", "ans", "art", "asc", "diz", "ice", "nfo", "vt"];

/// Opens a recording.
pub fn open(path: &Path, wish: Wish, clock: Clock) -> Result<Box<dyn Source>, SourceError> {
    let fault = |source| SourceError::unreadable(path, source);
    let meta = std::fs::metadata(path).map_err(fault)?;
    if !meta.is_file() && !meta.is_dir() {
        // A pipe would hold us up for ever.
        return Err(fault(io::Error::other("neither a file nor a folder")));
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let is = |known: &[&str]| known.iter().any(|k| extension.eq_ignore_ascii_case(k));
    let jpegs = is(&["mjpg", "mjpeg", "jpg", "jpeg"]);
    if meta.is_file() && is(&TEXTS) {
        let said = "the file is text".to_owned();
        return Err(SourceError::Ended(Cause::NoVideo, said));
    }
    if jpegs || meta.is_dir() {
        const USUAL: f64 = 25.0;
        let period = Duration::from_secs_f64(1.0 / wish.rate.unwrap_or(USUAL));
        return Ok(Box::new(Jpegs::open(path, period, clock)?));
    }
    // ffmpeg would only say that it could not; the kernel says why.
    std::fs::File::open(path).map_err(fault)?;
    let input = Input::File(path.to_owned());
    Ok(Box::new(Ffmpeg::start(&input, wish, clock)?))
}

/// The picture in a JPEG file; `None` when these bytes are none, and the next one may be better.
fn jpeg_picture(bytes: &[u8], mono_usec: u64) -> Option<Picture<'_>> {
    jpeg::size(bytes).map(|(width, height)| Picture {
        format: Format::Mjpg,
        width,
        height,
        bytes,
        mono_usec,
        damaged: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pipe.mp4", "pipe.mjpeg"] {
            let path = folder.path().join(name);
            let mode = nix::sys::stat::Mode::S_IRUSR;
            nix::unistd::mkfifo(&path, mode).unwrap();
            let opened = open(&path, Wish::default(), Clock::system());
            assert!(matches!(opened.err(), Some(SourceError::File { .. })));
        }
    }
}
