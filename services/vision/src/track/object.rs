//! One object over time, as the tracker keeps it.

use std::collections::VecDeque;
use std::time::Duration;

use super::axis::Axis;
use super::vote::Votes;
use super::{Settings, Track};
use crate::{Bounds, Detection};

/// How many scores are kept for the reasons of an event.
const SCORES: usize = 5;

/// So near an edge of the picture, in shares of it, a box touches it.
const EDGE: f32 = 0.02;
/// So many of its own sizes a second are a way out.
const OUTWARD: f32 = 0.3;
/// How long something that was on its way out is bridged, at most.
const LEAVING: Duration = Duration::from_millis(200);
/// A weak detection must have this share of an object's latest scores.
const FADED: f32 = 0.4;

/// How far a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Seen, but not often enough to be believed.
    Tentative,
    /// Believed and in view, also while it is bridged.
    Shown,
    /// Believed until the picture changed altogether: it is there in the next look, or gone.
    Doubted,
    /// Believed, but not seen for too long: out of view until it is seen again.
    Lost,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) id: u64,
    pub(super) state: State,
    pub(super) votes: Votes,
    /// Centre x, centre y, width, height.
    axes: [Axis; 4],
    hits: u32,
    /// How many of them were strong.
    strong_hits: u32,
    /// Sum of all scores.
    evidence: f32,
    /// Looks in which it was seen since it was lost.
    pub(super) back: u32,
    pub(super) first_seen: Duration,
    pub(super) last_seen: Duration,
    /// For how long it was seen, gaps not counted.
    pub(super) seen_for: Duration,
    best: f32,
    scores: VecDeque<f32>,
    /// Whether it was on its way out of the picture when it was last seen.
    leaving: bool,
    /// Where and since when it has not moved.
    anchor: (f32, f32),
    anchored: Duration,
}

impl Object {
    pub(super) fn new(id: u64, detection: &Detection, now: Duration) -> Self {
        let bounds = detection.bounds;
        let ((x, y), width, height) = (bounds.centre(), bounds.width(), bounds.height());
        Self {
            id,
            state: State::Tentative,
            votes: Votes::new(&detection.label, detection.score),
            axes: [
                Axis::new(x, width),
                Axis::new(y, height),
                Axis::new(width, width),
                Axis::new(height, height),
            ],
            hits: 1,
            strong_hits: 1,
            evidence: detection.score,
            back: 0,
            first_seen: now,
            last_seen: now,
            seen_for: Duration::ZERO,
            best: detection.score,
            scores: [detection.score].into(),
            leaving: false,
            anchor: (x, y),
            anchored: now,
        }
    }

    fn size(&self) -> (f32, f32) {
        let side = |axis: &Axis| axis.position.max(1e-3);
        (side(&self.axes[2]), side(&self.axes[3]))
    }

    /// Moves on by `seconds`; `seen` says whether it was matched the last time.
    pub(super) fn predict(&mut self, seconds: f32, seen: bool) {
        let (width, height) = self.size();
        for (axis, size) in self.axes.iter_mut().zip([width, height, width, height]) {
            if !seen {
                axis.damp(seconds);
            }
            axis.predict(seconds, size);
        }
        if !seen {
            self.axes[2].rest();
            self.axes[3].rest();
        }
    }

    /// How surprising a detection would be: the largest of its four numbers' standard deviations.
    pub(super) fn surprise(&self, found: &Bounds) -> f32 {
        let ((x, y), (width, height)) = (found.centre(), self.size());
        let measured = [x, y, found.width(), found.height()];
        let sizes = [width, height, width, height];
        let all = self.axes.iter().zip(measured).zip(sizes);
        all.map(|((axis, measured), size)| axis.surprise(measured, size))
            .fold(0.0, f32::max)
    }

    /// Takes in a detection that is this object.
    pub(super) fn see(&mut self, detection: &Detection, now: Duration, settings: &Settings) {
        let bounds = detection.bounds;
        let ((x, y), (width, height)) = (bounds.centre(), self.size());
        let measured = [x, y, bounds.width(), bounds.height()];
        let sizes = [width, height, width, height];
        for ((axis, measured), size) in self.axes.iter_mut().zip(measured).zip(sizes) {
            axis.correct(measured, size);
        }
        self.votes.cast(&detection.label, detection.score);
        self.hits += 1;
        let strong = settings.strong_for(&detection.label);
        self.strong_hits += u32::from(detection.score >= strong);
        self.evidence += detection.score;
        let gap = now.saturating_sub(self.last_seen);
        self.seen_for += gap.min(settings.bridge.0);
        self.last_seen = now;
        self.best = self.best.max(detection.score);
        self.scores.truncate(SCORES - 1);
        self.scores.push_front(detection.score);
        self.leaving = self.heads_out_of(&bounds);
        let (x, y) = (self.axes[0].position, self.axes[1].position);
        let moved = ((x - self.anchor.0) / width).hypot((y - self.anchor.1) / height);
        if moved > settings.stationary_shift {
            (self.anchor, self.anchored) = ((x, y), now);
        }
    }

    /// Whether it moves towards an edge of the picture that its box touches already. A car that is
    /// parked across the edge does not.
    fn heads_out_of(&self, bounds: &Bounds) -> bool {
        let (width, height) = self.size();
        let (across, down) = (
            self.axes[0].velocity / width,
            self.axes[1].velocity / height,
        );
        (bounds.left < EDGE && across < -OUTWARD)
            || (bounds.right > 1.0 - EDGE && across > OUTWARD)
            || (bounds.top < EDGE && down < -OUTWARD)
            || (bounds.bottom > 1.0 - EDGE && down > OUTWARD)
    }

    /// For how long it stays in view without a detection: as long as it was seen before, within
    /// the set limits. What was on its way out has most likely gone.
    pub(super) fn bridge(&self, settings: &Settings) -> Duration {
        let (least, most) = settings.bridge;
        if self.leaving {
            return least.min(LEAVING);
        }
        self.seen_for.clamp(least, most.max(least))
    }

    /// Whether a detection of this score can be this object, seen badly. What was seen well lately
    /// does not fade at once: a far weaker detection in its place is something else.
    pub(super) fn fades_to(&self, score: f32) -> bool {
        let sum: f32 = self.scores.iter().sum();
        let count = f32::from(u8::try_from(self.scores.len()).unwrap_or(u8::MAX));
        score * count >= sum * FADED
    }

    /// Whether it was seen so often, and so well on average, that it is believed. Weak detections
    /// help, but half of what is asked for must be strong: one false alarm has many weak echoes.
    pub(super) fn is_proven(&self, hits: u32, strong: f32) -> bool {
        // Scores of 8-bit models come in steps; one step below the threshold is good enough.
        const NEARLY: f32 = 0.9;
        let looks = f32::from(u16::try_from(hits).unwrap_or(u16::MAX));
        self.hits >= hits
            && self.strong_hits >= hits.div_ceil(2)
            && self.evidence >= looks * strong * NEARLY
    }

    /// Nothing moved in the picture: it is where it was, and counts as seen.
    pub(super) fn hold(&mut self, now: Duration) {
        self.last_seen = now;
        for axis in &mut self.axes {
            axis.rest();
        }
    }

    /// Where it is now, as far as known; may reach out of the picture.
    pub(super) fn bounds(&self) -> Bounds {
        let [x, y, width, height] = self.axes.map(|axis| axis.position);
        Bounds::around(x, y, width, height)
    }

    /// The part of it that is in the picture.
    pub(super) fn visible(&self) -> Option<Bounds> {
        let Bounds {
            left,
            top,
            right,
            bottom,
        } = self.bounds();
        Bounds::new(left, top, right, bottom)
    }

    /// Whether most of it has left the picture.
    pub(super) fn is_outside(&self) -> bool {
        let inside = self.visible().map_or(0.0, |bounds| bounds.area());
        inside < 0.5 * self.bounds().area()
    }

    /// Whether it has stood still for so long.
    pub(super) fn rests(&self, now: Duration, time: Duration) -> bool {
        now.saturating_sub(self.anchored) >= time
    }

    pub(super) fn view(&self, now: Duration, settings: &Settings) -> Track {
        Track {
            id: self.id,
            label: self.votes.label().clone(),
            score: self.scores.front().copied().unwrap_or_default(),
            best: self.best,
            scores: self.scores.iter().rev().copied().collect(),
            bounds: self.visible().unwrap_or_default(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            stationary: self.rests(now, settings.stationary_after),
        }
    }
}
