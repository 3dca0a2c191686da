//! What counts as an event: a pure function of what is in view now and what was before.
//!
//! The tracker says which objects are in view (it has already bridged the model's flicker) and
//! which are gone for good, the shapes say which lines were crossed; this says what is worth
//! telling, and why. An object arrives once, however often it is hidden for a moment; that changes
//! the count, and the departure follows when the tracker has given it up. Each event lists the
//! rules that took part and their values, so that a false one can be explained and the right
//! number changed. How often events leave the daemon is the courier's matter.

use std::collections::BTreeMap;

use vigla_bus::detector::{Event, Object};

/// One object in view on one frame, as tracker and shapes see it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    /// As it is published.
    pub(crate) object: Object,
    /// Best score so far.
    pub(crate) best: f32,
    /// The newest scores, oldest first.
    pub(crate) scores: Vec<f32>,
}

/// A counting line that an object's foot point went over on this frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Crossing {
    /// Whose foot point.
    pub(crate) track: u64,
    /// The line's name.
    pub(crate) line: String,
    /// `in` or `out`.
    pub(crate) way: &'static str,
}

/// One looked-at frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The frame's id.
    pub(crate) id: u64,
    /// When it was captured, microseconds since the epoch.
    pub(crate) time_usec: u64,
    /// `inferred`, `still` or `truth`.
    pub(crate) basis: &'static str,
    /// Share of the picture that moved, 0..=1.
    pub(crate) gate_area: f32,
    /// Why the gate was open: `motion`, `heartbeat`, ...; nothing where there is no gate.
    pub(crate) gate: Option<&'static str>,
    /// All objects in view, with counted labels only.
    pub(crate) in_view: &'a [Seen],
    /// Objects that are gone for good, as they were last seen.
    pub(crate) gone: &'a [Seen],
    /// Lines crossed between the frame before and this one.
    pub(crate) crossings: &'a [Crossing],
}

/// What one camera has told so far.
#[derive(Debug)]
pub(crate) struct Policy {
    camera_id: String,
    zones: Vec<String>,
    /// Objects whose arrival was told, and under which label they were last in view.
    told: BTreeMap<u64, String>,
    counts: BTreeMap<String, u32>,
    arrivals: BTreeMap<String, u64>,
    crossings: BTreeMap<String, u64>,
}

impl Policy {
    /// Nothing in view yet; `labels`, `zones` and `lines` are counted and named from the start.
    pub(crate) fn new(
        camera_id: &str,
        labels: &[String],
        zones: Vec<String>,
        lines: &[String],
    ) -> Self {
        let ways = lines.iter().flat_map(|l| ["in", "out"].map(|w| key(l, w)));
        Self {
            camera_id: camera_id.to_owned(),
            zones,
            told: BTreeMap::new(),
            counts: labels.iter().map(|l| (l.clone(), 0)).collect(),
            arrivals: labels.iter().map(|l| (l.clone(), 0)).collect(),
            crossings: ways.map(|k| (k, 0)).collect(),
        }
    }

    /// Objects in view by label, every counted label present.
    pub(crate) fn counts(&self) -> &BTreeMap<String, u32> {
        &self.counts
    }

    /// Arrivals by label since the start.
    pub(crate) fn arrivals(&self) -> &BTreeMap<String, u64> {
        &self.arrivals
    }

    /// Crossings by `line/way` since the start.
    pub(crate) fn crossings(&self) -> &BTreeMap<String, u64> {
        &self.crossings
    }

    /// Takes the next frame and says what happened on it: departures, then arrivals, crossings
    /// and at last a changed count that none of them explains. The ids are given by the log.
    pub(crate) fn step(&mut self, frame: Frame<'_>) -> Vec<Event> {
        let now = self.count(frame.in_view);
        let before = std::mem::replace(&mut self.counts, now);
        let mut events = Vec::new();
        for gone in frame.gone {
            if self.told.remove(&gone.object.track).is_some() {
                events.push(self.departure(frame, gone));
            }
        }
        let mut renamed = None;
        for seen in frame.in_view {
            let Object { track, label, .. } = &seen.object;
            match self.told.insert(*track, label.clone()) {
                None => events.push(self.arrival(frame, seen)),
                Some(old) if old != *label => renamed = Some((old, seen)),
                Some(_) => {}
            }
        }
        for crossing in frame.crossings {
            events.extend(self.crossing(frame, crossing));
        }
        if before != self.counts && events.is_empty() {
            events.push(self.recount(frame, &before, renamed));
        }
        events
    }

    fn count(&self, in_view: &[Seen]) -> BTreeMap<String, u32> {
        let mut counts: BTreeMap<_, _> = self.counts.keys().map(|l| (l.clone(), 0)).collect();
        for seen in in_view {
            *counts.entry(seen.object.label.clone()).or_default() += 1;
        }
        counts
    }

    fn arrival(&mut self, frame: Frame<'_>, seen: &Seen) -> Event {
        let arrivals = self.arrivals.entry(seen.object.label.clone());
        *arrivals.or_default() += 1;
        let mut event = self.event(frame, "arrival", seen);
        event.dwell_ms = 0;
        event
    }

    fn departure(&self, frame: Frame<'_>, seen: &Seen) -> Event {
        let mut event = self.event(frame, "departure", seen);
        event
            .reasons
            .insert("unseen-ms".into(), seen.object.unseen_ms.to_string());
        event
    }

    fn crossing(&mut self, frame: Frame<'_>, crossing: &Crossing) -> Option<Event> {
        let by = |seen: &&Seen| seen.object.track == crossing.track;
        let seen = frame.in_view.iter().find(by)?;
        let key = key(&crossing.line, crossing.way);
        *self.crossings.entry(key.clone()).or_default() += 1;
        let mut event = self.event(frame, "crossing", seen);
        let rule = format!("line {}", crossing.line);
        event.reasons.insert(rule, crossing.way.into());
        event.zones.push(key);
        Some(event)
    }

    /// A count that changed with nobody coming or going: an object is hidden or seen again, or was
    /// given a better label.
    fn recount(
        &self,
        frame: Frame<'_>,
        before: &BTreeMap<String, u32>,
        renamed: Option<(String, &Seen)>,
    ) -> Event {
        let mut event = match &renamed {
            Some((_, seen)) => self.event(frame, "count", seen),
            None => self.event(frame, "count", &Seen::default()),
        };
        event.track = 0;
        if let Some((old, seen)) = renamed {
            let change = format!("{old} became {}", seen.object.label);
            event.reasons.insert("label".into(), change);
        }
        for (label, now) in &self.counts {
            let was = before.get(label).copied().unwrap_or_default();
            if was != *now {
                let change = format!("{was} to {now}");
                event.reasons.insert(format!("count {label}"), change);
                event.label.clone_from(label);
            }
        }
        event
    }

    fn event(&self, frame: Frame<'_>, kind: &str, seen: &Seen) -> Event {
        let object = &seen.object;
        let [left, top, right, bottom] = object.bounds.map(f64::from);
        Event {
            id: 0,
            camera_id: self.camera_id.clone(),
            frame_id: frame.id,
            time_usec: frame.time_usec,
            time_quality: String::new(),
            kind: kind.into(),
            label: object.label.clone(),
            track: object.track,
            score: f64::from(seen.best),
            bounds: (left, top, right, bottom),
            zones: object.zones.clone(),
            dwell_ms: object.dwell_ms,
            counts: self.counts.clone(),
            reasons: self.reasons(frame, seen),
        }
    }

    fn reasons(&self, frame: Frame<'_>, seen: &Seen) -> BTreeMap<String, String> {
        let scores: Vec<_> = seen.scores.iter().map(|s| format!("{s:.2}")).collect();
        let mut reasons = BTreeMap::from([("basis".into(), frame.basis.into())]);
        // A truth has none, and an event of the whole picture neither.
        if !scores.is_empty() {
            reasons.insert("scores".into(), scores.join(" "));
        }
        if let Some(gate) = frame.gate {
            reasons.insert("gate".into(), gate.into());
            reasons.insert("gate-area".into(), format!("{:.3}", frame.gate_area));
        }
        for zone in &self.zones {
            let inside = seen.object.zones.contains(zone);
            let result = if inside { "inside" } else { "outside" };
            reasons.insert(format!("zone {zone}"), result.into());
        }
        reasons
    }
}

fn key(line: &str, way: &str) -> String {
    format!("{line}/{way}")
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
