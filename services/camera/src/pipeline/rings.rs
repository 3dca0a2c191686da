//! The rings of one camera: the native one, and one of JPEGs where the native one holds none.
//!
//! Made for the first picture and whenever format or size change; a picture that outgrows its slot
//! gets a new ring. Readers see the hang-up and open again.

use std::sync::Arc;

use vigla_frames::{Config, Meta, Outcome, Writer};

use crate::board::Board;
use crate::doors::Encoding;
use crate::metrics::CameraMetrics;
use crate::picture::{Format, Picture};
use crate::source::SourceError;

/// Slots of a ring: the newest, one being written, and six that readers may hold. Slots that were
/// never needed cost no memory.
const SLOTS: u32 = 8;
/// The smallest slot for JPEG: small pictures of noise can be larger than their pixels.
const LEAST_SLOT: usize = 64 << 10;

/// Where pictures of a camera are handed to readers.
#[derive(Debug)]
pub(super) struct Rings {
    board: Arc<Board>,
    metrics: CameraMetrics,
    shape: Option<(Format, u32, u32)>,
    native: Option<Writer>,
    jpeg: Option<Writer>,
}

impl Rings {
    /// No ring yet, for the readers of `board`.
    pub(super) fn new(board: Arc<Board>, metrics: CameraMetrics) -> Self {
        Self {
            board,
            metrics,
            shape: None,
            native: None,
            jpeg: None,
        }
    }

    /// How many read the native ring, and how many the one of JPEGs; readers that left are let go.
    pub(super) fn readers(&self) -> (usize, usize) {
        let count = |ring: &Option<Writer>| ring.as_ref().map_or(0, Writer::readers);
        let (native, jpeg) = (count(&self.native), count(&self.jpeg));
        self.metrics.readers(native, jpeg);
        (native, jpeg)
    }

    /// Makes rings that fit `picture`, when those there are do not.
    pub(super) fn fit(&mut self, picture: &Picture<'_>) -> Result<(), SourceError> {
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

    /// Hands `bytes` to the readers of a ring. When its slots are too small the picture is dropped,
    /// and the next one finds a larger ring.
    pub(super) fn publish(
        &mut self,
        encoding: Encoding,
        meta: Meta,
        bytes: &[u8],
    ) -> Result<(), SourceError> {
        let (ring, name) = match encoding {
            Encoding::Native => (&mut self.native, "native"),
            Encoding::Jpeg => (&mut self.jpeg, "jpeg"),
        };
        let Some(writer) = ring else {
            return Ok(());
        };
        match writer.publish(meta, bytes) {
            Outcome::Published | Outcome::NobodyLooks => return Ok(()),
            Outcome::AllLeased => {
                self.metrics.dropped("leased");
                return Ok(());
            }
            Outcome::TooBig => self.metrics.dropped("too-big"),
        }
        let larger = Some(self.ring(name, bytes.len() * 2)?);
        match encoding {
            Encoding::Native => self.native = larger,
            Encoding::Jpeg => self.jpeg = larger,
        }
        self.open_doors();
        Ok(())
    }

    fn ring(&self, name: &str, slot_bytes: usize) -> Result<Writer, SourceError> {
        let config = Config {
            slots: SLOTS,
            slot_bytes,
        };
        Writer::create(&format!("vigla-{}-{name}", self.board.id), config)
            .map_err(SourceError::Ring)
    }

    fn open_doors(&self) {
        if let Some(native) = &self.native {
            let jpeg = self.jpeg.as_ref().map(Writer::door);
            self.board.doors.set(native.door(), jpeg);
        }
    }
}
