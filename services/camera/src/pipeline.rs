//! What happens to a picture: masks, rings, JPEG for those who want it, a look at its health.
//!
//! ```text
//! source ──► mask (if any) ──► native ring ──► readers
//!                         └──► JPEG ring (only if the native one holds no JPEG and somebody reads)
//!                         └──► health, about once a second
//! ```
//!
//! Captured MJPEG goes to the ring byte for byte. With nobody looking nothing is masked, encoded or
//! copied, but for the one picture a second whose health is examined. The rings stand in `rings`.

mod rings;

use std::sync::Arc;

use vigla_frames::Meta;
use vigla_kit::Clock;

use self::rings::Rings;
use crate::board::Board;
use crate::doors::Encoding;
use crate::encode::Transcoder;
use crate::health::Examiner;
use crate::jpeg::{self, turbo::TurboError};
use crate::mask::{Masks, Shown};
use crate::metrics::CameraMetrics;
use crate::picture::{Format, MOST_PIXELS, Picture};
use crate::source::SourceError;

/// The stages of one camera, on its capture thread.
#[derive(Debug)]
pub struct Pipeline {
    board: Arc<Board>,
    clock: Clock,
    metrics: CameraMetrics,
    frames: FrameIds,
    rings: Rings,
    masks: Option<Masks>,
    transcoder: Transcoder,
    examiner: Examiner,
}

/// Numbers of frames: they start at the microseconds since boot when the daemon starts and count
/// by one, so they never repeat within a boot, whatever is restarted.
#[derive(Debug)]
pub struct FrameIds(u64);

impl FrameIds {
    /// Numbers from now on.
    pub fn starting(clock: &Clock) -> Self {
        Self(clock.mono_usec())
    }

    fn take(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

impl Pipeline {
    /// A pipeline that hands its pictures to the readers of `board`.
    pub fn new(
        board: Arc<Board>,
        clock: Clock,
        metrics: CameraMetrics,
        masks: Option<Masks>,
        quality: u8,
        examiner: Examiner,
    ) -> Result<Self, TurboError> {
        Ok(Self {
            frames: FrameIds::starting(&clock),
            transcoder: Transcoder::new(quality)?,
            rings: Rings::new(Arc::clone(&board), metrics.clone()),
            board,
            clock,
            metrics,
            masks,
            examiner,
        })
    }

    /// Hands a picture on, and says whether it was whole; one that is not is dropped.
    pub fn take(&mut self, picture: &Picture<'_>) -> Result<bool, SourceError> {
        self.metrics.frames.inc();
        if !is_whole(picture) {
            self.drop_damaged();
            return Ok(false);
        }
        self.rings.fit(picture)?;
        let meta = self.meta(picture);
        let (native, jpeg) = self.rings.readers();
        let due = self.examiner.is_due(self.clock.mono_usec());
        if native + jpeg > 0 || due {
            self.hand_on(picture, meta, due)?;
        }
        self.board.note_frame(picture.mono_usec);
        Ok(true)
    }

    fn drop_damaged(&mut self) {
        self.metrics.dropped("damaged");
        self.examiner.note_damage(self.clock.mono_usec());
        self.board.set_look(self.examiner.look());
    }

    /// Looks at readers without a picture, so that those who left give their places back.
    pub fn idle(&self) {
        self.rings.readers();
    }

    fn meta(&mut self, picture: &Picture<'_>) -> Meta {
        let age = self.clock.mono_usec().saturating_sub(picture.mono_usec);
        Meta {
            frame_id: self.frames.take(),
            time_usec: self.clock.now_usec().saturating_sub(age),
            mono_usec: picture.mono_usec,
            width: picture.width,
            height: picture.height,
            fourcc: picture.format.fourcc(),
            mask_digest: self.masks.as_ref().map_or(0, Masks::digest),
        }
    }

    fn hand_on(&mut self, picture: &Picture<'_>, meta: Meta, due: bool) -> Result<(), SourceError> {
        let shown = match &mut self.masks {
            None => Ok(Shown {
                bytes: picture.bytes,
                hidden: None,
            }),
            Some(masks) => masks.burn(picture),
        };
        let shown = match shown {
            Ok(shown) => shown,
            Err(error) => {
                // What cannot be masked is not shown.
                tracing::debug!(%error, "cannot mask a picture, dropping it");
                self.drop_damaged();
                return Ok(());
            }
        };
        let bytes = shown.bytes;
        if due {
            let seen = Picture { bytes, ..*picture };
            self.examiner
                .examine(&seen, shown.hidden, self.clock.mono_usec());
            self.board.set_look(self.examiner.look());
        }
        self.rings.publish(Encoding::Native, meta, bytes)?;
        if self.rings.readers().1 > 0 {
            match self
                .transcoder
                .jpeg_of_yuyv(bytes, picture.width, picture.height)
            {
                Ok(encoded) => {
                    self.metrics.encodes.inc();
                    let meta = Meta {
                        fourcc: *b"MJPG",
                        ..meta
                    };
                    self.rings.publish(Encoding::Jpeg, meta, encoded)?;
                }
                Err(error) => tracing::debug!(%error, "cannot encode a picture, dropping it"),
            }
        }
        let lag = self.clock.mono_usec().saturating_sub(picture.mono_usec);
        self.metrics.published_after(lag);
        Ok(())
    }
}

/// Whether there is anything to show: the right number of bytes, or a JPEG of the size it should have.
fn is_whole(picture: &Picture<'_>) -> bool {
    if u64::from(picture.width) * u64::from(picture.height) > MOST_PIXELS {
        return false;
    }
    match picture.format {
        Format::Mjpg => jpeg::size(picture.bytes) == Some((picture.width, picture.height)),
        Format::Yuyv => picture.bytes.len() == picture.width as usize * picture.height as usize * 2,
    }
}
