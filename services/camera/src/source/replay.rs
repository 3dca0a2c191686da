//! Recorded and remote video: JPEG streams and folders natively, everything else through ffmpeg.
//!
//! Files loop for ever at their own pace. [`jpegs`] reads `.mjpeg`, `.mjpg`, single JPEGs and folders of
//! them, without any other program; [`ffmpeg`] runs a child that decodes whatever it knows, also
//! RTSP, and writes JPEGs to a pipe.

pub mod ffmpeg;
pub mod jpegs;
pub mod url;

use std::path::Path;
use std::time::Duration;

use vigla_kit::Clock;

use self::ffmpeg::{Ffmpeg, Input};
use self::jpegs::Jpegs;
use super::{Source, SourceError};

/// How pictures are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Wish {
    /// Pictures a second; the recording's own when `None`.
    pub rate: Option<f64>,
    /// Greatest width and height; never enlarged, the aspect is kept.
    pub size: Option<(u32, u32)>,
}

/// Opens a recording.
pub fn open(path: &Path, wish: Wish, clock: Clock) -> Result<Box<dyn Source>, SourceError> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let jpegs = ["mjpg", "mjpeg", "jpg", "jpeg"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known));
    if jpegs || path.is_dir() {
        const USUAL: f64 = 25.0;
        let period = Duration::from_secs_f64(1.0 / wish.rate.unwrap_or(USUAL));
        return Ok(Box::new(Jpegs::open(path, period, clock)?));
    }
    // ffmpeg would only say that it could not; the kernel says why.
    std::fs::File::open(path).map_err(|source| SourceError::File {
        path: path.to_owned(),
        source,
    })?;
    let input = Input::File(path.to_owned());
    Ok(Box::new(Ffmpeg::start(&input, wish, clock)?))
}
