//! How one frame becomes detections: the gate and the model, or the truth of a synthetic picture.
//!
//! ```text
//! frame ──► thumbnail ──► gate ── still ─────────────────► nothing to ask
//!                           └──── moving ─► picture ─► engine ─► detections
//! ```
//!
//! Everything that is needed of the frame is decoded into buffers of our own in [`glance`], so
//! the lease on it can be given back before the model is asked.
//!
//! [`glance`]: Sight::glance

use std::sync::Arc;
use std::time::Duration;

use vigla_bus::detector::Event;
use vigla_frames::Meta;
use vigla_vision::gate::{Gate, Reason, Verdict};
use vigla_vision::picture::{Decoder, Format, Frame, PictureError, Thumbnail};
use vigla_vision::{Bounds, Detection, Picture};

use crate::chronicle;
use crate::config::Settings;
use crate::engine::{Door, NoAnswer};
use crate::portrait::Painter;
use crate::truth;

/// At most so many portraits of one frame: a crowd that arrives at once must not hold up the eye.
const MOST_PORTRAITS: usize = 8;
/// A picture decoded only for portraits is at least this large, if the frame is.
const PORTRAIT_NEED: (u32, u32) = (640, 360);

/// What a gate that is switched off says.
const UNGATED: Verdict = Verdict {
    open: true,
    area: 1.0,
    reason: Reason::Motion,
};

/// The first look at a frame.
#[derive(Debug)]
pub(crate) enum Glance {
    /// What the picture says of itself.
    Truth(Vec<Detection>),
    /// Nothing moves.
    Still(Verdict),
    /// Worth asking the model.
    Moving(Verdict),
    /// There is no model to ask.
    Blind,
}

/// From what portraits of a frame can be cut.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shot<'a> {
    /// The frame itself, still leased.
    Frame(&'a [u8]),
    /// The picture that the model looked at.
    Picture,
    /// Nothing was decoded.
    None,
}

/// Why a frame was of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be decoded.
    #[error("decode the frame")]
    Decode(#[source] PictureError),
    /// It tells no truth.
    #[error("read the truth")]
    Truth(#[source] truth::Error),
    /// The model did not answer.
    #[error("ask the model")]
    NoAnswer(#[source] NoAnswer),
}

impl Error {
    /// The value of the metric's label `reason`.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Decode(_) => "decode",
            Self::Truth(_) => "truth",
            Self::NoAnswer(NoAnswer::NoModel) => "no-model",
            Self::NoAnswer(_) => "no-answer",
        }
    }

    /// Whether it says that nothing is known of the scene, and not only of this frame.
    pub(crate) fn is_blindness(&self) -> bool {
        match self {
            Self::Decode(_) => false,
            Self::Truth(error) => matches!(error, truth::Error::Absent),
            Self::NoAnswer(_) => true,
        }
    }
}

#[derive(Debug)]
enum Kind {
    Truth(Vec<Arc<str>>),
    Model { door: Door, gate: Option<Gate> },
}

/// The sight of one eye.
#[derive(Debug)]
pub(crate) struct Sight {
    kind: Kind,
    decoder: Decoder,
    thumbnail: Thumbnail,
    picture: Picture,
    painter: Painter,
}

impl Sight {
    /// Reads what synthetic pictures say of themselves.
    pub(crate) fn truth(settings: &Settings) -> anyhow::Result<Self> {
        let labels = settings.labels.iter().map(|label| label.as_str().into());
        Self::new(Kind::Truth(labels.collect()))
    }

    /// Asks the engine behind `door`, when something moves.
    pub(crate) fn model(settings: &Settings, door: Door) -> anyhow::Result<Self> {
        let gate = settings.gate.open();
        Self::new(Kind::Model { door, gate })
    }

    fn new(kind: Kind) -> anyhow::Result<Self> {
        Ok(Self {
            kind,
            decoder: Decoder::new()?,
            thumbnail: Thumbnail::default(),
            picture: Picture::default(),
            painter: Painter::new()?,
        })
    }

    /// Looks at a frame once. The bytes are not needed any more after it, except for a truth.
    /// `unsure` is what the tracker says of itself: the gate then opens without motion too.
    pub(crate) fn glance(
        &mut self,
        meta: &Meta,
        bytes: &[u8],
        unsure: bool,
    ) -> Result<Glance, Error> {
        let (door, gate) = match &mut self.kind {
            Kind::Truth(labels) => {
                let objects = truth::read(bytes).map_err(Error::Truth)?;
                return Ok(Glance::Truth(detections(objects, labels)));
            }
            Kind::Model { door, gate } => (door, gate),
        };
        let Some(need) = door.running().borrow().as_ref().map(|model| model.input) else {
            return Ok(Glance::Blind);
        };
        let now = Duration::from_micros(meta.mono_usec);
        let frame = frame(meta, bytes)?;
        let verdict = match gate {
            None => UNGATED,
            Some(gate) if !gate.due(now, unsure) => gate.skip(),
            Some(gate) => {
                let thumbnail = &mut self.thumbnail;
                let made = self.decoder.thumbnail(&frame, thumbnail);
                made.map_err(Error::Decode)?;
                gate.judge(now, thumbnail, unsure)
            }
        };
        if !verdict.open {
            return Ok(Glance::Still(verdict));
        }
        let decoded = self.decoder.decode(&frame, need, &mut self.picture);
        decoded.map_err(Error::Decode)?;
        Ok(Glance::Moving(verdict))
    }

    /// Asks the model about the picture of the last glance, and says how long it took.
    pub(crate) fn ask(&mut self) -> Result<(Vec<Detection>, Duration), Error> {
        let Kind::Model { door, .. } = &self.kind else {
            return Err(Error::NoAnswer(NoAnswer::NoModel));
        };
        let answer = door.look(std::mem::take(&mut self.picture));
        self.picture = answer.picture;
        let detections = answer.detections.map_err(Error::NoAnswer)?;
        Ok((detections, answer.took))
    }

    /// The events with their pictures, as far as there is something to cut them from.
    pub(crate) fn portraits(
        &mut self,
        shot: Shot<'_>,
        meta: &Meta,
        events: Vec<Event>,
    ) -> Vec<(Event, Option<chronicle::Picture>)> {
        let there = match shot {
            Shot::None => false,
            Shot::Picture => true,
            Shot::Frame(bytes) => frame(meta, bytes).is_ok_and(|frame| {
                let picture = &mut self.picture;
                self.decoder.decode(&frame, PORTRAIT_NEED, picture).is_ok()
            }),
        };
        let most = if there { MOST_PORTRAITS } else { 0 };
        let mut paint = |index: usize, event: &Event| {
            let bounds = (index < most).then(|| bounds(event))?;
            self.painter.paint(&self.picture, bounds)
        };
        let pairs = events.into_iter().enumerate().map(|(index, event)| {
            let picture = paint(index, &event);
            (event, picture)
        });
        pairs.collect()
    }
}

fn frame<'a>(meta: &Meta, bytes: &'a [u8]) -> Result<Frame<'a>, Error> {
    Ok(Frame {
        format: Format::of(meta.fourcc).map_err(Error::Decode)?,
        width: meta.width,
        height: meta.height,
        bytes,
    })
}

/// Where to cut: around the object, or everything for an event without one.
#[allow(clippy::cast_possible_truncation, reason = "they were f32 before")]
fn bounds(event: &Event) -> [f32; 4] {
    let (left, top, right, bottom) = event.bounds;
    if left < right {
        [left, top, right, bottom].map(|edge| edge as f32)
    } else {
        [0.0, 0.0, 1.0, 1.0]
    }
}

/// The truth about counted labels, as a model would say it.
fn detections(objects: Vec<truth::Truth>, labels: &[Arc<str>]) -> Vec<Detection> {
    let detection = |object: truth::Truth| {
        let class = labels.iter().position(|label| **label == *object.label)?;
        let [left, top, right, bottom] = object.bounds;
        Some(Detection {
            class: u16::try_from(class).ok()?,
            label: Arc::clone(&labels[class]),
            score: 1.0,
            bounds: Bounds::new(left, top, right, bottom)?,
        })
    };
    objects.into_iter().filter_map(detection).collect()
}
