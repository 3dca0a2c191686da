//! The frames of a saved clip with their times.

use std::path::Path;
use std::time::Duration;

use crate::detect::media::{self, Kind};
use crate::detect::timed::Timed;
use crate::detect::{Problem, ffmpeg};

/// A picture is shown for so many frames, 25 a second: long enough for whatever is on it to be
/// believed, and to rest.
const STILL_FRAMES: u32 = 125;
const STILL_PERIOD: Duration = Duration::from_millis(40);

/// What is played.
pub(super) enum Clip {
    /// One picture, again and again.
    Still { jpeg: Vec<u8>, shown: u32 },
    /// A video; whether a frame came out of it.
    Video { frames: Timed, any: bool },
}

impl Clip {
    /// Opens `file` by what it is, as `detect` does.
    pub(super) fn open(file: &Path) -> Result<Self, Problem> {
        let still = |jpeg| Self::Still { jpeg, shown: 0 };
        Ok(match media::kind(file)? {
            Kind::Jpeg => still(media::read(file)?),
            Kind::Still => still(ffmpeg::still(file)?),
            Kind::Video => Self::Video {
                frames: Timed::open(file)?,
                any: false,
            },
        })
    }

    /// The next frame; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Duration, Vec<u8>)>, Problem> {
        match self {
            Self::Still { jpeg, shown } => {
                let time = STILL_PERIOD * *shown;
                *shown += 1;
                Ok((*shown <= STILL_FRAMES).then(|| (time, jpeg.clone())))
            }
            Self::Video { frames, any } => {
                let frame = frames.next()?;
                *any |= frame.is_some();
                Ok(frame)
            }
        }
    }

    /// After the end: a video without any picture is a problem, one that is cut off is played as far
    /// as it goes.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self {
            Self::Video { frames, any: false } => Err(ffmpeg::no_picture(frames.complaint())),
            Self::Still { .. } | Self::Video { .. } => Ok(()),
        }
    }
}
