//! The answer, for people and for programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use vigla_bus::detector::Event;

use super::compare::{Difference, Pair};
use super::run::Done;
use crate::out::{Out, safe};

/// One of the two runs.
#[derive(Debug)]
pub(super) struct Side {
    /// `name@version`.
    pub(super) model: String,
    /// Whose settings applied.
    pub(super) camera: String,
    pub(super) done: Done,
    pub(super) events: usize,
}

/// Everything that was found out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) file: PathBuf,
    /// When its last frame is.
    pub(super) seconds: f64,
    pub(super) within: Duration,
    pub(super) a: Side,
    pub(super) b: Side,
    pub(super) difference: Difference,
}

impl Answer {
    /// For programs: the shape is in the README.
    pub(super) fn json(&self) -> Value {
        let Difference {
            only_a,
            only_b,
            both,
        } = &self.difference;
        let kinds = self.kinds().into_iter().map(|(kind, counts)| {
            let [only_a, only_b, both] = counts;
            let (a, b) = (only_a + both, only_b + both);
            json!({ "kind": kind, "a": a, "b": b, "both": both, "only_a": only_a, "only_b": only_b })
        });
        let pairs = both.iter().map(
            |pair| json!({ "a": event(&pair.a), "b": event(&pair.b), "reasons": pair.reasons() }),
        );
        json!({
            "file": self.file,
            "seconds": self.seconds,
            "within_seconds": self.within.as_secs_f64(),
            "same": only_a.is_empty() && only_b.is_empty(),
            "a": self.a.json(),
            "b": self.b.json(),
            "kinds": kinds.collect::<Vec<_>>(),
            "only_a": only_a.iter().map(event).collect::<Vec<_>>(),
            "only_b": only_b.iter().map(event).collect::<Vec<_>>(),
            "both": pairs.collect::<Vec<_>>(),
        })
    }

    /// For people; `with` are the settings of B.
    pub(super) fn print(&self, with: &Path, out: Out) -> std::io::Result<()> {
        let file = safe(&self.file.display().to_string());
        let frames = self.a.done.frames;
        out.line(format!("{file}: {frames} frames, {:.1} s", self.seconds))?;
        out.line(format!("A  {}  the settings in force", self.a.line()))?;
        let with = safe(&with.display().to_string());
        out.line(format!("B  {}  with `{with}` over them", self.b.line()))?;
        let difference = &self.difference;
        let changed: Vec<&Pair> = difference
            .both
            .iter()
            .filter(|p| !p.reasons().is_empty())
            .collect();
        if difference.only_a.is_empty() && difference.only_b.is_empty() && changed.is_empty() {
            return out.line(format!("no difference: {} events in both", self.a.events));
        }
        let rows = self.kinds().into_iter().map(|(kind, [a, b, both])| {
            let number = |n: usize| n.to_string();
            [
                kind.to_owned(),
                number(a + both),
                number(b + both),
                number(both),
                number(a),
                number(b),
            ]
        });
        let heading = ["EVENTS", "A", "B", "BOTH", "ONLY A", "ONLY B"];
        out.table(heading, &rows.collect::<Vec<_>>())?;
        for (which, events) in [("A", &difference.only_a), ("B", &difference.only_b)] {
            if !events.is_empty() {
                out.line(format!("only in {which}:"))?;
            }
            for event in events {
                out.line(sentence(event))?;
            }
        }
        if !changed.is_empty() {
            out.line("in both, for other reasons (A -> B):")?;
        }
        changed.iter().try_for_each(|pair| out.line(change(pair)))
    }

    /// Only in A, only in B and in both, by kind; the last row is all of them.
    fn kinds(&self) -> Vec<(&str, [usize; 3])> {
        let Difference {
            only_a,
            only_b,
            both,
        } = &self.difference;
        let mut kinds: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        let all = (only_a.iter().map(|event| (event, 0)))
            .chain(only_b.iter().map(|event| (event, 1)))
            .chain(both.iter().map(|pair| (&pair.a, 2)));
        for (event, column) in all {
            kinds.entry(&event.kind).or_default()[column] += 1;
        }
        let total = [only_a.len(), only_b.len(), both.len()];
        kinds.into_iter().chain([("all", total)]).collect()
    }
}

impl Side {
    fn json(&self) -> Value {
        json!({
            "model": self.model, "camera": self.camera, "events": self.events, "frames": self.done.frames,
            "looks": self.done.looks, "inferred": self.done.inferred, "unusable": self.done.unusable,
        })
    }

    fn line(&self) -> String {
        let Done {
            looks,
            inferred,
            unusable,
            ..
        } = self.done;
        let unusable = match unusable {
            0 => String::new(),
            n => format!(", {n} unusable"),
        };
        let (events, model) = (self.events, safe(&self.model));
        format!("{events} events, {looks} looks, {inferred} by {model}{unusable};")
    }
}

/// An event of a clip: its time is the clip's.
fn event(event: &Event) -> Value {
    let (left, top, right, bottom) = event.bounds;
    json!({
        "time_seconds": seconds(event), "kind": event.kind, "label": event.label, "track": event.track,
        "score": event.score, "box": [left, top, right, bottom], "zones": event.zones,
        "dwell_ms": event.dwell_ms, "counts": event.counts, "reasons": event.reasons,
    })
}

fn seconds(event: &Event) -> f64 {
    Duration::from_micros(event.time_usec).as_secs_f64()
}

/// `   1.20 s  arrival car 2 (0.79) in street, because gate motion, scores 0.41 0.57`.
fn sentence(event: &Event) -> String {
    let reasons = event.reasons.iter();
    let reasons: Vec<String> = reasons
        .map(|(rule, value)| format!("{rule} {value}"))
        .collect();
    format!("{}, because {}", what(event), safe(&reasons.join(", ")))
}

/// The same for an event of both: when in A, and what is another reason in B.
fn change(pair: &Pair) -> String {
    let or_none = |text: &str| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text.to_owned()
        }
    };
    let reasons = pair.reasons().into_iter();
    let reasons: Vec<String> = reasons
        .map(|(rule, [a, b])| format!("{rule} {} -> {}", or_none(a), or_none(b)))
        .collect();
    format!("{}: {}", what(&pair.a), safe(&reasons.join(", ")))
}

fn what(event: &Event) -> String {
    let track = match event.track {
        0 => String::new(),
        track => format!(" {track} ({:.2})", event.score),
    };
    let zones = match event.zones.as_slice() {
        [] => String::new(),
        zones => format!(" in {}", zones.join(", ")),
    };
    let (kind, label) = (&event.kind, &event.label);
    safe(&format!(
        "{:>7.2} s  {kind} {label}{track}{zones}",
        seconds(event)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(label: &str) -> Event {
        Event {
            time_usec: 1_240_000,
            kind: "arrival".into(),
            label: label.into(),
            track: 2,
            score: 0.79,
            zones: vec!["street".into()],
            reasons: BTreeMap::from([("gate".into(), "motion".into())]),
            ..Event::default()
        }
    }

    fn answer() -> Answer {
        let side = || Side {
            model: "m@1".into(),
            camera: "clip".into(),
            done: Done {
                frames: 250,
                looks: 100,
                inferred: 80,
                unusable: 0,
            },
            events: 2,
        };
        let mut other = arrival("car");
        other.reasons.insert("gate".into(), "linger".into());
        let (a, b) = (arrival("car"), other);
        Answer {
            file: "clip.mp4".into(),
            seconds: 9.96,
            within: Duration::from_secs(1),
            a: side(),
            b: side(),
            difference: Difference {
                only_a: vec![arrival("bus")],
                only_b: Vec::new(),
                both: vec![Pair { a, b }],
            },
        }
    }

    #[test]
    fn an_event_is_one_line_and_commands_no_terminal() {
        assert_eq!(
            sentence(&arrival("c\x1bar")),
            "   1.24 s  arrival c\u{fffd}ar 2 (0.79) in street, because gate motion"
        );
        let pair = &answer().difference.both[0];
        assert_eq!(
            change(pair),
            "   1.24 s  arrival car 2 (0.79) in street: gate motion -> linger"
        );
    }

    #[test]
    fn counts_are_by_kind_and_in_all() {
        let answer = answer();
        assert_eq!(answer.kinds(), [("arrival", [1, 0, 1]), ("all", [1, 0, 1])]);
        let json = answer.json();
        assert_eq!(json["kinds"][0]["a"], 2);
        assert_eq!(json["same"], false);
        assert_eq!(
            json["both"][0]["reasons"]["gate"],
            json!(["motion", "linger"])
        );
        assert_eq!(json["only_a"][0]["time_seconds"], 1.24);
    }
}
