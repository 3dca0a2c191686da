//! The motion gate: whether the model needs to look at all.
//!
//! A running background is kept of the thumbnail, with the noise of each cell. A cell moved when
//! it differs from its background by more than a threshold that its own noise raises: a tree in
//! the wind and the grain of a dark picture become background. A change of the whole picture's
//! brightness (a cloud, automatic exposure) is taken out first.
//!
//! When nothing has moved for a while the gate does not even look at every frame: making the
//! thumbnail costs most of what is left. Whatever happens, the model looks once every
//! [`Settings::heartbeat`].
//!
//! Pure: time is passed in, thumbnails are passed in, same input same output.

mod background;

use std::time::Duration;

use self::background::{Background, Change};
use crate::picture::Thumbnail;

/// How a gate behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// A cell (8x8 pixels of a 720p picture) moved when its brightness changed by this, 1..=255.
    pub threshold: u8,
    /// Something moved when this share of the cells did, 0..=1. 0 keeps the gate open.
    pub area: f32,
    /// A frame that is less like the one before than this (correlation, -1..=1) shows another
    /// scene, or the camera was turned. -1: never.
    pub cut: f32,
    /// The gate stays open for so long after the last motion.
    pub linger: Duration,
    /// After so long without motion, frames are looked at only every `interval`.
    pub calm: Duration,
    /// Time between two looks in a calm scene: a new object is noticed so much later.
    pub interval: Duration,
    /// The model looks at least so often.
    pub heartbeat: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threshold: 14,
            area: 0.001,
            cut: 0.3,
            linger: Duration::from_secs(1),
            calm: Duration::from_secs(3),
            interval: Duration::from_millis(350),
            heartbeat: Duration::from_secs(10),
        }
    }
}

/// Why the gate is open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The first picture, or the first of another size.
    First,
    /// Enough of the picture moved.
    Motion,
    /// Nearly all of it changed: another scene.
    Cut,
    /// It moved a moment ago.
    Linger,
    /// Nothing moves, but the tracker is unsure of something.
    Unsure,
    /// Nothing moves, but it is time to look.
    Heartbeat,
    /// Nothing moves: closed.
    Still,
    /// Nothing moved lately and this frame was not looked at: closed.
    Skipped,
}

impl Reason {
    /// The reason as a kebab-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Motion => "motion",
            Self::Cut => "cut",
            Self::Linger => "linger",
            Self::Unsure => "unsure",
            Self::Heartbeat => "heartbeat",
            Self::Still => "still",
            Self::Skipped => "skipped",
        }
    }
}

/// What the gate says of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Whether the model should look.
    pub open: bool,
    /// Share of the picture that moved, 0..=1; of the last look when this frame was skipped.
    pub area: f32,
    /// Why.
    pub reason: Reason,
}

/// The gate of one camera.
#[derive(Debug, Clone)]
pub struct Gate {
    settings: Settings,
    background: Background,
    area: f32,
    /// When something last moved, the frame was last looked at, and the model last looked.
    moved: Option<Duration>,
    looked: Option<Duration>,
    inferred: Option<Duration>,
    /// Since when the gate is open only because the tracker is unsure.
    unsure: Option<Duration>,
}

/// A cut moves at least this share of the picture.
const LEAST_CUT_AREA: f32 = 0.3;

/// The tracker may keep the gate open for so long; then the next heartbeat must do.
const PATIENCE: Duration = Duration::from_millis(1500);

impl Gate {
    /// A gate that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            background: Background::default(),
            area: 0.0,
            moved: None,
            looked: None,
            inferred: None,
            unsure: None,
        }
    }

    /// Whether the frame at `now` should be looked at. When not, [`Gate::skip`] is the verdict.
    pub fn due(&self, now: Duration, unsure: bool) -> bool {
        let since = |then| since(now, then);
        self.always_open()
            || unsure && self.patient(now)
            || since(self.moved) < self.settings.calm
            || since(self.looked) >= self.settings.interval
            || since(self.inferred) >= self.settings.heartbeat
    }

    /// Whether the model will most likely be asked to look at the frame at `now`: then the
    /// thumbnail is better made from the picture that is decoded anyway.
    pub fn awake(&self, now: Duration) -> bool {
        since(now, self.moved) < self.settings.linger
    }

    /// Whether it is switched off: it says open to everything, and needs no thumbnail for that.
    pub fn always_open(&self) -> bool {
        self.settings.area <= 0.0
    }

    /// The verdict of a frame that is not looked at.
    pub fn skip(&self) -> Verdict {
        Verdict {
            open: false,
            area: self.area,
            reason: Reason::Skipped,
        }
    }

    /// Looks at the frame at `now`. `unsure` is what the tracker says of itself.
    pub fn judge(&mut self, now: Duration, thumbnail: &Thumbnail, unsure: bool) -> Verdict {
        let threshold = f32::from(self.settings.threshold.max(1));
        let elapsed = now.saturating_sub(self.looked.unwrap_or(now));
        let change = self.background.compare(thumbnail, threshold, elapsed);
        self.looked = Some(now);
        self.area = change.map_or(1.0, |change| change.area);
        let reason = self.reason(now, change, unsure);
        if reason == Reason::Cut {
            self.background.restart(thumbnail);
        }
        if !matches!(reason, Reason::Unsure | Reason::Still) {
            self.unsure = None;
        }
        let open = !matches!(reason, Reason::Still | Reason::Skipped);
        if open {
            self.inferred = Some(now);
        }
        Verdict {
            open,
            area: self.area,
            reason,
        }
    }

    fn reason(&mut self, now: Duration, change: Option<Change>, unsure: bool) -> Reason {
        let since = |then| since(now, then);
        let cut =
            |change: &Change| change.area >= LEAST_CUT_AREA && change.likeness < self.settings.cut;
        let moved = match change {
            None => Some(Reason::First),
            Some(change) if cut(&change) => Some(Reason::Cut),
            Some(change) if change.area >= self.settings.area => Some(Reason::Motion),
            Some(_) => None,
        };
        if let Some(reason) = moved {
            self.moved = Some(now);
            return reason;
        }
        if since(self.moved) < self.settings.linger {
            return Reason::Linger;
        }
        if since(self.inferred) >= self.settings.heartbeat {
            return Reason::Heartbeat;
        }
        if unsure && self.patient(now) {
            self.unsure.get_or_insert(now);
            return Reason::Unsure;
        }
        Reason::Still
    }

    /// Whether the tracker may still keep the gate open. Its patience comes back with motion or
    /// the next heartbeat.
    fn patient(&self, now: Duration) -> bool {
        self.unsure
            .is_none_or(|since| now.saturating_sub(since) < PATIENCE)
    }
}

/// How long ago something was; for ever when it never was.
fn since(now: Duration, then: Option<Duration>) -> Duration {
    then.map_or(Duration::MAX, |then| now.saturating_sub(then))
}

#[cfg(test)]
mod tests;
