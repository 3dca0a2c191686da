//! The tracker: from detections that flicker to objects with an identity.
//!
//! ByteTrack's idea in two sentences: strong detections are matched to known tracks first, and
//! then the weak ones, which are worthless alone, to the tracks that are left; so an object that
//! the model is unsure of for some frames is not lost. Only strong detections begin a track.
//!
//! Three additions for a slow camera and a small model. What still finds no partner is matched
//! once more with widened boxes, because at 5 frames a second a car is not where its box was.
//! A shown track stays in view for a moment without a detection, the longer the longer it has
//! been known. And the label is a vote over a family of labels that models mix up.
//!
//! The tracker has no clock: time is passed in, as the time since any fixed point, and must not
//! go back (a step back counts as no time). Same input, same output.

mod assign;
mod axis;
mod object;
mod pair;
mod settings;
mod vote;

use std::sync::Arc;
use std::time::Duration;

use self::object::{Object, State};
use self::pair::{Families, Stage};
pub use self::settings::Settings;
use crate::{Bounds, Detection};

/// What is not believed after so long is dropped: something that is only ever weakly seen must not
/// keep the motion gate open.
const PROBATION: Duration = Duration::from_secs(5);

/// What was lost is shown again after so many looks in which it was seen.
const LOOKS_BACK: u32 = 2;

/// One object, as others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Unique within the tracker, from 1.
    pub id: u64,
    /// What it is, by vote.
    pub label: Arc<str>,
    /// Score of its last detection.
    pub score: f32,
    /// Best score so far.
    pub best: f32,
    /// Scores of its last detections, newest last; at most 5.
    pub scores: Vec<f32>,
    /// Where it is; predicted while it is bridged. Inside the picture.
    pub bounds: Bounds,
    /// When it was first seen.
    pub first_seen: Duration,
    /// When it was last seen.
    pub last_seen: Duration,
    /// Whether it has not moved for the set time.
    pub stationary: bool,
}

impl Track {
    /// From when it was first to when it was last seen.
    pub fn dwell(&self) -> Duration {
        self.last_seen.saturating_sub(self.first_seen)
    }

    /// Since when no detection supports its box: zero when it was seen in the look at `now`, above
    /// that the box is predicted.
    pub fn unseen(&self, now: Duration) -> Duration {
        now.saturating_sub(self.last_seen)
    }
}

/// What changed in one step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Tracks that are believed since this step.
    pub arrivals: Vec<Track>,
    /// Tracks that are gone for good, in the state in which they were last seen. Reported when
    /// they are given up, `keep` after they went out of view.
    pub departures: Vec<Track>,
}

/// Follows objects through the frames of one camera.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: Settings,
    families: Families,
    objects: Vec<Object>,
    next_id: u64,
    now: Option<Duration>,
}

impl Tracker {
    /// A tracker that knows nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            families: Families::new(&settings.families),
            settings,
            objects: Vec::new(),
            next_id: 1,
            now: None,
        }
    }

    /// Takes in what the model saw in a frame at `now`.
    pub fn step(&mut self, now: Duration, detections: &[Detection]) -> Changes {
        let now = self.advance(now);
        let found = self.families.distinct(detections);
        let strong = |found: &Detection| found.score >= self.settings.strong_for(&found.label);
        let (strong, weak): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|detection| strong(detection));
        let weak: Vec<_> = weak
            .into_iter()
            .filter(|found| found.score >= self.settings.weak)
            .filter(|found| !self.families.is_part(found, &strong))
            .collect();

        let mut free: Vec<usize> = (0..self.objects.len()).collect();
        let strong = self.pair(now, Stage::Strong, strong, &mut free);
        self.pair(now, Stage::Weak, weak, &mut free);
        let strangers = self.pair(now, Stage::Wide, strong, &mut free);
        for detection in strangers {
            self.objects.push(Object::new(self.next_id, detection, now));
            self.next_id += 1;
        }
        self.settle(now)
    }

    /// The picture has not changed since the last frame (the motion gate was closed): what was
    /// seen in the last step stays where it is, everything else grows older.
    pub fn hold(&mut self, now: Duration) -> Changes {
        let before = self.now;
        let now = self.advance(now);
        for object in &mut self.objects {
            if object.state != State::Lost && Some(object.last_seen) == before {
                object.hold(now);
            }
        }
        self.settle(now)
    }

    /// The picture has changed altogether (another scene, the camera was turned, a flash): to be
    /// called before the step of that frame. What is not seen in that step, where it was, is gone.
    pub fn cut(&mut self) {
        self.objects
            .retain(|object| object.state != State::Tentative);
        for object in &mut self.objects {
            object.state = State::Doubted;
        }
    }

    /// The objects in view, in the order of their arrival.
    pub fn in_view(&self) -> impl Iterator<Item = Track> + '_ {
        let now = self.now.unwrap_or_default();
        self.objects
            .iter()
            .filter(|object| object.state == State::Shown && object.visible().is_some())
            .map(move |object| object.view(now, &self.settings))
    }

    /// Whether another look would help: something is tentative, or shown without having been
    /// seen in the last look. The motion gate is told.
    pub fn unsure(&self) -> bool {
        self.objects.iter().any(|object| match object.state {
            State::Tentative => true,
            State::Shown => Some(object.last_seen) != self.now,
            State::Doubted | State::Lost => false,
        })
    }

    /// Moves every track on to `now`. Gives the time to use: it never goes back.
    fn advance(&mut self, now: Duration) -> Duration {
        let before = self.now.unwrap_or(now);
        let now = now.max(before);
        let seconds = now.saturating_sub(before).as_secs_f32();
        for object in &mut self.objects {
            let seen = object.last_seen == before;
            object.predict(seconds, seen);
        }
        self.now = Some(now);
        now
    }

    /// Pairs `detections` with the tracks in `free`, which loses those that were paired. Gives
    /// the detections that found no track.
    fn pair<'d>(
        &mut self,
        now: Duration,
        stage: Stage,
        detections: Vec<&'d Detection>,
        free: &mut Vec<usize>,
    ) -> Vec<&'d Detection> {
        let pairs = assign::assign(free.len(), detections.len(), |row, column| {
            let object = &self.objects[free[row]];
            stage.cost(&self.families, object, detections[column])
        });
        for (row, column) in &pairs {
            self.objects[free[*row]].see(detections[*column], now, &self.settings);
        }
        let taken = |column: usize| pairs.iter().any(|(_, paired)| *paired == column);
        let strangers = detections
            .into_iter()
            .enumerate()
            .filter(|(column, _)| !taken(*column))
            .map(|(_, detection)| detection)
            .collect();
        free.retain(|index| self.objects[*index].last_seen != now);
        strangers
    }

    /// Lets each track go to the state that its last detection leaves it in.
    fn settle(&mut self, now: Duration) -> Changes {
        let mut changes = Changes::default();
        let settings = &self.settings;
        for object in &mut self.objects {
            let unseen = now.saturating_sub(object.last_seen);
            let bridge = object.bridge(settings);
            match object.state {
                State::Tentative => {
                    let strong = settings.strong_for(object.votes.label());
                    if object.is_proven(settings.confirm, strong) {
                        object.state = State::Shown;
                        changes.arrivals.push(object.view(now, settings));
                    }
                }
                State::Shown if !unseen.is_zero() && (unseen > bridge || object.is_outside()) => {
                    (object.state, object.back) = (State::Lost, 0);
                }
                State::Doubted if unseen.is_zero() => object.state = State::Shown,
                State::Lost if unseen.is_zero() => {
                    object.back += 1;
                    if object.back >= LOOKS_BACK {
                        object.state = State::Shown;
                    }
                }
                State::Shown | State::Doubted | State::Lost => {}
            }
        }
        self.objects.retain(|object| {
            let unseen = now.saturating_sub(object.last_seen);
            let gone = match object.state {
                State::Tentative => {
                    let known = now.saturating_sub(object.first_seen);
                    unseen > settings.bridge.0 || known > PROBATION
                }
                State::Shown => false,
                State::Doubted => !unseen.is_zero(),
                State::Lost => unseen > settings.bridge.0 + settings.keep || object.is_outside(),
            };
            if gone && object.state != State::Tentative {
                changes.departures.push(object.view(now, settings));
            }
            !gone
        });
        changes
    }
}

#[cfg(test)]
mod tests;
