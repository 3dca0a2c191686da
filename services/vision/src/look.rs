//! One look at one frame: gate first, picture only when the model is to see it.
//!
//! The cheapest order of things is not obvious, so it lives in one place. A JPEG's entropy coding
//! is most of the cost of reading it at any scale: while the gate is likely open the picture is
//! decoded once and the thumbnail made from it; while it is likely closed only the thumbnail is
//! decoded; and in a calm scene most frames are not touched at all.

use std::time::Duration;

use crate::gate::{Gate, Reason, Settings, Verdict};
use crate::picture::{Decoder, Format, Frame, Picture, PictureError, Thumbnail};

/// What a gate that is switched off says.
const ALWAYS: Verdict = Verdict {
    open: true,
    area: 1.0,
    reason: Reason::Motion,
};

/// The eye of one camera: decoder, gate and their buffers.
#[derive(Debug)]
pub struct Look {
    decoder: Decoder,
    gate: Gate,
    picture: Picture,
    thumbnail: Thumbnail,
}

impl Look {
    /// An eye that has seen nothing.
    ///
    /// # Errors
    /// Only when libjpeg-turbo has no memory.
    pub fn new(settings: Settings) -> Result<Self, PictureError> {
        Ok(Self {
            decoder: Decoder::new()?,
            gate: Gate::new(settings),
            picture: Picture::default(),
            thumbnail: Thumbnail::default(),
        })
    }

    /// Judges the frame at `now`. When the verdict is open, [`Look::picture`] shows it, at a
    /// scale of at least `need` (the model's input size). `unsure` is what
    /// [`Tracker::unsure`](crate::track::Tracker::unsure) says.
    ///
    /// After an error the gate is as before: the frame does not count.
    pub fn at(
        &mut self,
        now: Duration,
        frame: &Frame<'_>,
        need: (u32, u32),
        unsure: bool,
    ) -> Result<Verdict, PictureError> {
        if !self.gate.due(now, unsure) {
            return Ok(self.gate.skip());
        }
        if self.gate.always_open() {
            self.decoder.decode(frame, need, &mut self.picture)?;
            return Ok(ALWAYS);
        }
        let known = self.thumbnail.width > 0;
        let decoded = frame.format == Format::Jpeg && known && self.gate.awake(now);
        if decoded {
            self.decoder.decode(frame, need, &mut self.picture)?;
            self.thumbnail.sample(&self.picture);
        } else {
            self.decoder.thumbnail(frame, &mut self.thumbnail)?;
        }
        let verdict = self.gate.judge(now, &self.thumbnail, unsure);
        if verdict.open && !decoded {
            self.decoder.decode(frame, need, &mut self.picture)?;
        }
        Ok(verdict)
    }

    /// The picture of the last open verdict.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Decodes a frame whatever the gate says, into [`Look::picture`].
    pub fn decode(&mut self, frame: &Frame<'_>, need: (u32, u32)) -> Result<(), PictureError> {
        self.decoder.decode(frame, need, &mut self.picture)
    }

    /// The same, to lend it to another thread: take it out and put it back, and its memory is
    /// used again.
    pub fn picture_mut(&mut self) -> &mut Picture {
        &mut self.picture
    }

    /// The thumbnail that was judged last.
    pub fn thumbnail(&self) -> &Thumbnail {
        &self.thumbnail
    }
}
