//! What happens to a picture: masks, rings, JPEG for those who want it, a look at its health.
//!
//! ```text
//! source ──► mask (if any) ──► native ring ──► readers
//!                         └──► JPEG ring (only if the native one holds no JPEG and somebody reads)
//!                         └──► health, about once a second
//! ```
//!
//! Captured MJPEG goes to the ring byte for byte. With nobody looking nothing is masked, encoded or
//! copied, but for the one picture a second whose health is examined. A picture that outgrows its
//! slot gets a new ring: readers see the hang-up and open again.

use std::sync::Arc;

use vigla_frames::{Config, Meta, Outcome, Writer};
use vigla_kit::Clock;

use crate::board::Board;
use crate::encode::Transcoder;
use crate::health::Examiner;
use crate::jpeg::{self, turbo::TurboError};
use crate::mask::{Masks, Shown};
use crate::metrics::CameraMetrics;
use crate::picture::{Format, MOST_PIXELS, Picture};
use crate::source::SourceError;

/// Slots of a ring: the newest, one being written, and six that readers may hold. Slots that were
/// never needed cost no memory.
const SLOTS: u32 = 8;
/// The smallest slot for JPEG: small pictures of noise can be larger than their pixels.
const LEAST_SLOT: usize = 64 << 10;

/// The stages of one camera, on its capture thread.
#[derive(Debug)]
pub struct Pipeline {
    board: Arc<Board>,
    clock: Clock,
    metrics: CameraMetrics,
    frames: FrameIds,
    shape: Option<(Format, u32, u32)>,
    native: Option<Writer>,
    jpeg: Option<Writer>,
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
            board,
            clock,
            metrics,
            shape: None,
            native: None,
            jpeg: None,
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
        self.take_shape(picture)?;
        let meta = self.meta(picture);
        let (native, jpeg) = self.readers();
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
        self.readers();
    }

    fn readers(&self) -> (usize, usize) {
        let count = |ring: &Option<Writer>| ring.as_ref().map_or(0, Writer::readers);
        let (native, jpeg) = (count(&self.native), count(&self.jpeg));
        self.metrics.readers(native, jpeg);
        (native, jpeg)
    }

    /// Makes rings for the first picture and whenever format or size change.
    fn take_shape(&mut self, picture: &Picture<'_>) -> Result<(), SourceError> {
        let shape = (picture.format, picture.width, picture.height);
        if self.shape == Some(shape) {
            return Ok(());
        }
        let pixels = picture.width as usize * picture.height as usize;
        let slot = match picture.format {
            // A camera's JPEG has a tenth to a third of a byte per pixel.
            Format::Mjpg => pixels.max(LEAST_SLOT).max(picture.bytes.len() * 2),
            Format::Yuyv => pixels * 2,
        };
        self.native = Some(self.ring("native", slot)?);
        self.jpeg = match picture.format {
            Format::Mjpg => None,
            Format::Yuyv => Some(self.ring("jpeg", pixels.max(LEAST_SLOT))?),
        };
        self.shape = Some(shape);
        self.open_doors();
        self.board.set_shape(picture);
        tracing::info!(
            format = picture.format.code(),
            width = picture.width,
            height = picture.height,
            "pictures"
        );
        Ok(())
    }

    fn ring(&self, encoding: &str, slot_bytes: usize) -> Result<Writer, SourceError> {
        let config = Config {
            slots: SLOTS,
            slot_bytes,
        };
        Writer::create(&format!("vigla-{}-{encoding}", self.board.id), config)
            .map_err(SourceError::Ring)
    }

    fn open_doors(&self) {
        if let Some(native) = &self.native {
            let jpeg = self.jpeg.as_ref().map(Writer::door);
            self.board.doors.set(native.door(), jpeg);
        }
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
        let grown = publish(&mut self.native, meta, bytes, &self.metrics);
        let jpeg_readers = self.jpeg.as_ref().map_or(0, Writer::readers);
        let mut jpeg_grown = None;
        if jpeg_readers > 0 {
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
                    jpeg_grown = publish(&mut self.jpeg, meta, encoded, &self.metrics);
                }
                Err(error) => tracing::debug!(%error, "cannot encode a picture, dropping it"),
            }
        }
        let lag = self.clock.mono_usec().saturating_sub(picture.mono_usec);
        self.metrics.published_after(lag);
        self.regrow(grown, jpeg_grown)
    }

    /// Replaces rings whose slots were too small; the next picture goes into the new ones.
    fn regrow(&mut self, native: Option<usize>, jpeg: Option<usize>) -> Result<(), SourceError> {
        if let Some(bytes) = native {
            self.native = Some(self.ring("native", bytes)?);
        }
        if let Some(bytes) = jpeg {
            self.jpeg = Some(self.ring("jpeg", bytes)?);
        }
        if native.is_some() || jpeg.is_some() {
            self.open_doors();
        }
        Ok(())
    }
}

/// Publishes; the slot size that is needed when it was too small.
fn publish(
    ring: &mut Option<Writer>,
    meta: Meta,
    bytes: &[u8],
    metrics: &CameraMetrics,
) -> Option<usize> {
    match ring.as_mut()?.publish(meta, bytes) {
        Outcome::Published | Outcome::NobodyLooks => None,
        Outcome::AllLeased => {
            metrics.dropped("leased");
            None
        }
        Outcome::TooBig => {
            metrics.dropped("too-big");
            Some(bytes.len() * 2)
        }
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
