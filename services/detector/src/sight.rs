//! How one frame becomes detections: the gate and the model, or the truth of a synthetic picture.
//!
//! ```text
//! frame ──► thumbnail ──► gate ── still ─────────────────► nothing to ask
//!                           └──── moving ─► picture ─► engine ─► detections
//! ```
//!
//! The order of the first steps is `vigla_vision::Look`'s. Everything that is needed of the frame
//! is decoded into its buffers in [`glance`], so the lease on it can be given back before the
//! model is asked.
//!
//! [`glance`]: Sight::glance

use std::sync::Arc;
use std::time::Duration;

use vigla_bus::detector::Event;
use vigla_frames::Meta;
use vigla_vision::gate::Verdict;
use vigla_vision::picture::{Decoder, Format, Frame, PictureError};
use vigla_vision::{Bounds, Detection, Look, Picture};

use crate::chronicle;
use crate::config::Settings;
use crate::engine::{Door, NoAnswer};
use crate::portrait::Painter;
use crate::truth;

/// At most so many portraits of one frame: a crowd that arrives at once must not hold up the eye.
const MOST_PORTRAITS: usize = 8;
/// A picture decoded only for portraits is at least this large, if the frame is.
const PORTRAIT_NEED: (u32, u32) = (640, 360);

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
    Truth {
        labels: Vec<Arc<str>>,
        decoder: Decoder,
        picture: Picture,
    },
    Model {
        door: Door,
        look: Box<Look>,
    },
}

/// The sight of one eye.
#[derive(Debug)]
pub(crate) struct Sight {
    kind: Kind,
    painter: Painter,
}

impl Sight {
    /// Reads what synthetic pictures say of themselves.
    pub(crate) fn truth(settings: &Settings) -> anyhow::Result<Self> {
        let labels = settings.labels.iter().map(|label| label.as_str().into());
        Self::new(Kind::Truth {
            labels: labels.collect(),
            decoder: Decoder::new()?,
            picture: Picture::default(),
        })
    }

    /// Asks the engine behind `door`, when something moves.
    pub(crate) fn model(settings: &Settings, door: Door) -> anyhow::Result<Self> {
        let look = Box::new(Look::new(settings.gate.settings())?);
        Self::new(Kind::Model { door, look })
    }

    fn new(kind: Kind) -> anyhow::Result<Self> {
        let painter = Painter::new()?;
        Ok(Self { kind, painter })
    }

    /// Looks at a frame once. The bytes are not needed any more after it, except for a truth.
    /// `unsure` is what the tracker says of itself: the gate then opens without motion too.
    pub(crate) fn glance(
        &mut self,
        meta: &Meta,
        bytes: &[u8],
        unsure: bool,
    ) -> Result<Glance, Error> {
        let (door, look) = match &mut self.kind {
            Kind::Truth { labels, .. } => {
                let objects = truth::read(bytes).map_err(Error::Truth)?;
                return Ok(Glance::Truth(detections(objects, labels)));
            }
            Kind::Model { door, look } => (door, look),
        };
        let Some(need) = door.running().borrow().as_ref().map(|model| model.input) else {
            return Ok(Glance::Blind);
        };
        let now = Duration::from_micros(meta.mono_usec);
        let verdict = look.at(now, &frame(meta, bytes)?, need, unsure);
        let verdict = verdict.map_err(Error::Decode)?;
        Ok(if verdict.open {
            Glance::Moving(verdict)
        } else {
            Glance::Still(verdict)
        })
    }

    /// Asks the model about the picture of the last glance, and says how long it took.
    pub(crate) fn ask(&mut self) -> Result<(Vec<Detection>, Duration), Error> {
        let Kind::Model { door, look } = &mut self.kind else {
            return Err(Error::NoAnswer(NoAnswer::NoModel));
        };
        let answer = door.look(std::mem::take(look.picture_mut()));
        *look.picture_mut() = answer.picture;
        let detections = answer.detections.map_err(Error::NoAnswer)?;
        Ok((detections, answer.took))
    }

    /// The pictures of events, as far as there is something to cut them from.
    pub(crate) fn portraits(
        &mut self,
        shot: Shot<'_>,
        meta: &Meta,
        events: &[Event],
    ) -> Vec<Option<chronicle::Picture>> {
        let picture = match (shot, &mut self.kind) {
            (
                Shot::Frame(bytes),
                Kind::Truth {
                    decoder, picture, ..
                },
            ) => {
                let decoded = frame(meta, bytes)
                    .is_ok_and(|frame| decoder.decode(&frame, PORTRAIT_NEED, picture).is_ok());
                decoded.then_some(&*picture)
            }
            (Shot::Picture, Kind::Model { look, .. }) => Some(look.picture()),
            _ => None,
        };
        let mut paint = |index: usize, event: &Event| {
            let picture = picture.filter(|_| index < MOST_PORTRAITS)?;
            self.painter.paint(picture, bounds(event))
        };
        let events = events.iter().enumerate();
        events.map(|(index, event)| paint(index, event)).collect()
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
