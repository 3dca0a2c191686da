//! Takes a look at a picture about once a second.

use super::{Judge, Look, Sample};
use crate::jpeg::turbo::{Decoder, Soundness, TurboError};
use crate::picture::{Format, Picture};

/// Microseconds between two looks.
const EVERY_USEC: u64 = 1_000_000;

/// Looks at pictures now and then.
#[derive(Debug)]
pub struct Examiner {
    decoder: Decoder,
    luma: Vec<u8>,
    judge: Judge,
    look: Look,
    last: Sample,
    next_usec: u64,
    damaged: bool,
}

impl Examiner {
    /// An examiner that calls a picture frozen after it was the same for so long; 0 is never.
    pub fn new(frozen_after_usec: u64) -> Result<Self, TurboError> {
        Ok(Self {
            decoder: Decoder::new()?,
            luma: Vec::new(),
            judge: Judge::new(frozen_after_usec),
            look: Look::Unknown,
            // Stands in for a first look that never came: neither dark nor black.
            last: Sample {
                mean: 128,
                high: 128,
                print: 0,
                damaged: false,
            },
            next_usec: 0,
            damaged: false,
        })
    }

    /// Whether it is time for a look.
    pub fn is_due(&self, now_usec: u64) -> bool {
        now_usec >= self.next_usec
    }

    /// Notes that a frame had to be dropped; when only such frames come, that is a look as well.
    pub fn note_damage(&mut self, now_usec: u64) {
        self.damaged = true;
        if self.is_due(now_usec) {
            self.next_usec = now_usec + EVERY_USEC;
            let torn = Sample {
                damaged: true,
                ..self.last
            };
            self.look = self.judge.weigh(torn, now_usec);
        }
    }

    /// Takes a look; `hidden` marks the masked pixels at an eighth of the size.
    pub fn examine(&mut self, picture: &Picture<'_>, hidden: Option<&[bool]>, now_usec: u64) {
        self.next_usec = now_usec + EVERY_USEC;
        let damaged = std::mem::take(&mut self.damaged) || picture.damaged;
        let decoded = match picture.format {
            Format::Mjpg => {
                let cut = !crate::jpeg::is_complete(picture.bytes);
                let result = self.decoder.luma_eighth(picture.bytes, &mut self.luma);
                result.map(|(_, soundness)| cut || soundness == Soundness::Damaged)
            }
            Format::Yuyv => {
                thin(picture, &mut self.luma);
                Ok(false)
            }
        };
        let sample = match decoded {
            Ok(torn) => Sample::of(&self.luma, hidden, damaged || torn),
            Err(error) => {
                tracing::debug!(%error, "cannot look at a picture");
                self.damaged = true;
                None
            }
        };
        if let Some(sample) = sample {
            self.last = sample;
            self.look = self.judge.weigh(sample, now_usec);
        }
    }

    /// What the pictures are like.
    pub const fn look(&self) -> Look {
        self.look
    }
}

/// Every eighth pixel of every eighth line: enough for light, and changes with the noise.
fn thin(picture: &Picture<'_>, luma: &mut Vec<u8>) {
    luma.clear();
    let line = picture.width as usize * 2;
    for row in picture.bytes.chunks_exact(line.max(1)).step_by(8) {
        luma.extend(row.iter().step_by(16));
    }
}
