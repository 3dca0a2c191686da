//! How steady a count is: in how many frames it equals the median of its second.

use std::time::Duration;

use vigla_vision::picture::{Format, Frame};
use vigla_vision::track::{Settings, Tracker};
use vigla_vision::{Engine, Look, Model, gate};

/// Counts of one label in each frame: as the model gives them, and as the tracker shows them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) single: Vec<usize>,
    pub(crate) tracked: Vec<usize>,
    /// Frames that begin another scene.
    pub(crate) cuts: Vec<usize>,
}

/// Every label's counts over a video of `rate` frames a second, looked at `fps` times a second.
pub(crate) fn counts(
    frames: &[Vec<u8>],
    rate: u32,
    fps: u32,
    engine: &mut Engine,
    labels: &[&str],
) -> Vec<Counts> {
    let settings = Settings::default();
    let strong = settings.strong;
    let mut tracker = Tracker::new(settings);
    let mut look = Look::new(gate::Settings::default()).unwrap();
    let need = (
        engine.manifest().input.width,
        engine.manifest().input.height,
    );
    let mut counts: Vec<_> = labels.iter().map(|_| Counts::default()).collect();
    for (index, bytes) in (0_u32..).zip(frames) {
        if index * fps / rate == (index + 1) * fps / rate {
            continue;
        }
        let now = Duration::from_secs(1) * index / rate;
        let frame = Frame {
            format: Format::Jpeg,
            width: 0,
            height: 0,
            bytes,
        };
        let verdict = look.at(now, &frame, need, tracker.unsure()).unwrap();
        let mut detections = Vec::new();
        let cut = verdict.reason == gate::Reason::Cut;
        if cut {
            tracker.cut();
        }
        if verdict.open {
            detections = engine.infer(look.picture()).unwrap();
            tracker.step(now, &detections);
        } else {
            tracker.hold(now);
        }
        for (label, counts) in labels.iter().zip(&mut counts) {
            if cut {
                counts.cuts.push(counts.single.len());
            }
            let seen = detections
                .iter()
                .filter(|d| *d.label == **label && d.score >= strong);
            counts.single.push(seen.count());
            let shown = tracker.in_view().filter(|track| *track.label == **label);
            counts.tracked.push(shown.count());
        }
    }
    counts
}

/// The share of frames whose count is the median of its second, and how often the count changes.
/// Seconds are counted from the beginning of each scene: at a cut a count should change.
pub(crate) fn steadiness(counts: &[usize], cuts: &[usize], fps: u32) -> (f64, u32) {
    let (mut steady, mut all, mut changes) = (0_u32, 0_u32, 0);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([counts.len()]);
    for (start, end) in starts.zip(ends) {
        let scene = &counts[start..end];
        for second in scene.chunks(fps as usize) {
            let mut sorted = second.to_vec();
            sorted.sort_unstable();
            let median = sorted[sorted.len() / 2];
            for count in second {
                steady += u32::from(*count == median);
                all += 1;
            }
        }
        changes += (1..scene.len())
            .map(|at| u32::from(scene[at] != scene[at - 1]))
            .sum::<u32>();
    }
    (f64::from(steady) / f64::from(all.max(1)), changes)
}

/// Prints the steadiness of cars and people.
#[allow(dead_code, reason = "used by the example")]
pub(crate) fn report(frames: &[Vec<u8>], rate: u32, fps: u32, engine: &mut Engine) {
    let labels = ["person", "car", "bicycle"];
    for (label, counts) in labels
        .iter()
        .zip(counts(frames, rate, fps, engine, &labels))
    {
        for (how, series) in [("single", &counts.single), ("tracked", &counts.tracked)] {
            let (share, changes) = steadiness(series, &counts.cuts, fps);
            println!("{fps:3} fps {label:>8} {how:>8}: steady {share:.3}, {changes} changes");
            if fps <= 10 {
                let digits: String = series.iter().map(ToString::to_string).collect();
                println!("    {digits}");
            }
        }
    }
}
