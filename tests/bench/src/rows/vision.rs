//! P1 and P2: what stands around the model. Each frame goes through ours and through the bare library
//! right after each other, so that what else the machine does falls on both.
//!
//! P1 is taken twice: of the parts that every inferred frame goes through (gate, decoding, resizing, the
//! hand-over to the engine's thread, boxes, tracker), and of the whole daemon while it runs, frame ring, record
//! and events included. There both sides work at the camera's pace, with the caches as cold as that leaves them.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vigla_detector::engine::{Door, Engine as Post};
use vigla_system_tests::{Scene, Site};
use vigla_vision::picture::{Format, Frame};
use vigla_vision::track::Tracker;
use vigla_vision::{Engine, Look, Manifest, gate, track};

use crate::bare::{self, Bare, Sample};
use crate::gauge::{self, cost, median, pause};
use crate::process::{cpu, series};
use crate::row::{Goal, Row};

/// Frames of a round.
const FRAMES: usize = 24;
const ROUNDS: usize = 11;
/// Of the running daemon, which takes turns with the bare libraries.
const TURNS: u32 = 8;
const TURN: Duration = Duration::from_secs(3);
/// Of its camera.
const PACE: Duration = Duration::from_millis(100);

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let manifest = bare::manifest()?;
    let mut bare = Bare::open(&manifest, bare::threads())?;
    let samples = Sample::take(FRAMES, &mut bare)?;
    let mut rows = side_by_side(&manifest, &mut bare, &samples)?;
    rows.push(in_service(&mut bare, &samples)?);
    Ok(rows)
}

/// CPU seconds of one round.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    /// From JPEG to tracks.
    whole: f64,
    /// The first part of it, until a picture is there that moved.
    looked: f64,
    /// From a picture of the model's size to objects.
    asked: f64,
    model: f64,
    decoding: f64,
}

impl Round {
    fn around(self) -> f64 {
        (self.whole - self.model) / self.decoding
    }

    fn efficiency(self) -> f64 {
        self.model / self.asked
    }
}

fn side_by_side(
    manifest: &Manifest,
    bare: &mut Bare,
    samples: &[Sample],
) -> anyhow::Result<Vec<Row>> {
    let mut ours = Ours::open(manifest)?;
    ours.round(bare, samples)?;
    let rounds = (0..ROUNDS)
        .map(|_| ours.round(bare, samples))
        .collect::<anyhow::Result<Vec<Round>>>()?;
    let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
    let each = |figure: fn(&Round) -> f64| of(figure) * 1e6 / FRAMES as f64;
    let spread = |figure: fn(&Round) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        format!("{ROUNDS} rounds, {:.2} to {:.2}", all[1], all[ROUNDS - 2])
    };
    let (decoding, model) = (each(|r| r.decoding), each(|r| r.model));
    let around = of(|r| r.around());
    let gate = each(|r| r.looked) - decoding;
    let rest = each(|r| r.whole - r.looked) - model;
    // Of that, what is left when the picture has the model's size already.
    let door = each(|r| r.asked) - model;
    Ok(vec![
        Row::ratio(
            "P1",
            "CPU per 720p frame outside the engine / bare scaled decode",
            (around * decoding, decoding),
            Goal::AtMost(1.25),
            format!(
                "us; from JPEG to tracks, less the bare engine ({model:.0}); besides the decoding, thumbnail and gate \
                 take {gate:.0}, and resize, tensor, hand-over and tracks {rest:.0}, of which {door:.0} remain for a \
                 picture of the model's size; {}",
                spread(|r| r.around())
            ),
        ),
        Row::ratio(
            "P2",
            "frames per CPU second through the engine's door / bare ONNX Runtime",
            (of(|r| r.efficiency()) * 1e6 / model, 1e6 / model),
            Goal::AtLeast(0.98),
            format!(
                "decoded frames in, objects out, {} thread(s); {}",
                bare::threads(),
                spread(|r| r.efficiency())
            ),
        ),
    ])
}

/// What an inferred frame goes through in the detector, with its engine's thread.
struct Ours {
    look: Look,
    tracker: Tracker,
    door: Option<Door>,
    engine: Option<JoinHandle<()>>,
    frames: u32,
    /// What the last look cost.
    looked: f64,
}

impl Ours {
    fn open(manifest: &Manifest) -> anyhow::Result<Self> {
        let (post, door) = Post::new();
        let engine = std::thread::spawn(move || post.run(|| {}, || false));
        door.swap(Box::new(Engine::open(manifest, bare::threads())?))?;
        Ok(Self {
            look: Look::new(gate::Settings::default())?,
            tracker: Tracker::new(track::Settings::default()),
            door: Some(door),
            engine: Some(engine),
            frames: 0,
            looked: 0.0,
        })
    }

    fn round(&mut self, bare: &mut Bare, samples: &[Sample]) -> anyhow::Result<Round> {
        let mut round = Round::default();
        for sample in samples {
            round.whole += cost(|| self.whole(&sample.jpeg))?;
            round.model += cost(|| bare.run(&sample.tensor))? / 2.0;
            round.decoding += cost(|| bare.decode(&sample.jpeg))?;
            round.looked += self.looked;
            let picture = sample.picture.clone();
            let door = self.door.as_ref().context("the engine has ended")?;
            round.asked += cost(|| {
                std::hint::black_box(door.look(picture).detections?);
                Ok(())
            })?;
            round.model += cost(|| bare.run(&sample.tensor))? / 2.0;
        }
        Ok(round)
    }

    /// From JPEG to tracks.
    fn whole(&mut self, jpeg: &[u8]) -> anyhow::Result<()> {
        let frame = Frame {
            format: Format::Jpeg,
            width: 1280,
            height: 720,
            bytes: jpeg,
        };
        self.frames += 1;
        let now = PACE * self.frames;
        let need = (bare::INPUT, bare::INPUT);
        let (unsure, before) = (self.tracker.unsure(), gauge::cpu());
        let verdict = self.look.at(now, &frame, need, unsure)?;
        self.looked = gauge::cpu().saturating_sub(before).as_secs_f64();
        anyhow::ensure!(verdict.open, "the gate is closed: the clip stands still");
        let door = self.door.as_ref().context("the engine has ended")?;
        let answer = door.look(std::mem::take(self.look.picture_mut()));
        *self.look.picture_mut() = answer.picture;
        std::hint::black_box(self.tracker.step(now, &answer.detections?));
        Ok(())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // The last door lets the engine end.
        self.door = None;
        if let Some(engine) = self.engine.take() {
            drop(engine.join());
        }
    }
}

/// The daemon at 10 frames a second, and the bare libraries at the same pace while it stands still.
fn in_service(bare: &mut Bare, samples: &[Sample]) -> anyhow::Result<Row> {
    const INFERENCES: &str = "vigla_detector_inferences_total{camera=\"street\"}";
    let mut site = Site::start(Scene::Large)?;
    site.whole()?;
    let pid = site.daemon("detector")?.child().pid();
    let count = |site: &Site| series(site, "detector", INFERENCES);
    let (mut model, mut decoding, mut frames) = (0.0, 0.0, 0_u32);
    let (before, start) = (count(&site)?, cpu(pid)?);
    for _ in 0..TURNS {
        pause(TURN);
        site.daemon("detector")?.child().pause()?;
        let turn = Instant::now();
        while turn.elapsed() < TURN {
            let sample = &samples[frames as usize % samples.len()];
            decoding += cost(|| bare.decode(&sample.jpeg))?;
            model += cost(|| bare.run(&sample.tensor))?;
            frames += 1;
            pause(PACE);
        }
        site.daemon("detector")?.child().resume()?;
    }
    let spent = cpu(pid)?.saturating_sub(start).as_secs_f64();
    let inferred = count(&site)? - before;
    anyhow::ensure!(inferred > 100.0, "{inferred} inferences are too few");
    let frames = f64::from(frames);
    let (ours, model, decoding) = (spent / inferred, model / frames, decoding / frames);
    Ok(Row::ratio(
        "P1",
        "the same of the whole running daemon at 10 fps",
        ((ours - model) * 1e6, decoding * 1e6),
        Goal::AtMost(1.25),
        format!(
            "us; {:.0} in all, less the bare engine at the same pace ({:.0}); {inferred:.0} inferences, what \
             happens between them included",
            ours * 1e6,
            model * 1e6
        ),
    ))
}
