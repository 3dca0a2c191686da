//! Where the time goes and how steady the counts are:
//! `cargo run -p vigla-vision --release --example stages [MODEL [VIDEO [FPS]]]`.
//!
//! Prints the processor time of each stage per frame, the same for a still scene behind the
//! motion gate, and in how many frames the count equals the median of its second: as the model
//! gives it frame by frame, and as the tracker shows it.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a report for people"
)]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "an example"
)]

#[path = "../tests/it/assets.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod assets;
#[path = "../tests/it/steady.rs"]
mod steady;

use std::time::{Duration, Instant};

use vigla_vision::gate;
use vigla_vision::picture::{Decoder, Format, Frame, Picture, Thumbnail};
use vigla_vision::track::{self, Tracker};
use vigla_vision::{Catalogue, Engine, Look, Model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments
        .next()
        .unwrap_or_else(|| "cocossd-mnv2-300-int8".into());
    let frames = match arguments.next() {
        Some(path) => assets::frames(path.as_ref()),
        None => assets::clip().to_vec(),
    };
    let rate: u32 = arguments
        .next()
        .map_or(Ok(assets::RATE), |text| text.parse())?;
    let library = assets::library();
    println!(
        "onnxruntime {} from {}",
        library.version(),
        library.path().display()
    );
    let file = format!(
        "{}.onnx",
        name.replace("cocossd-", "cocossd_").replace('-', "_")
    );
    let manifest = match Catalogue::scan([assets::models()]).find(&name, "")?.clone() {
        model if model.installed() => model,
        _ => assets::optional_model(&name, &file).ok_or("the model is not here")?,
    };
    let mut engine = Engine::open(&manifest, 1)?;
    stages(&frames, &mut engine)?;
    still(&frames[frames.len() / 4], &mut engine)?;
    for fps in [rate, 10, 5] {
        steady::report(&frames, rate, fps, &mut engine);
    }
    Ok(())
}

fn jpeg(bytes: &[u8]) -> Frame<'_> {
    Frame {
        format: Format::Jpeg,
        width: 0,
        height: 0,
        bytes,
    }
}

fn stages(frames: &[Vec<u8>], engine: &mut Engine) -> Result<(), Box<dyn std::error::Error>> {
    let need = (
        engine.manifest().input.width,
        engine.manifest().input.height,
    );
    let mut decoder = Decoder::new()?;
    let (mut picture, mut thumbnail) = (Picture::default(), Thumbnail::default());
    let mut tracker = Tracker::new(track::Settings::default());
    let mut spent = [Duration::ZERO; 4];
    let mut bytes = 0;
    for (index, frame) in (0..).zip(frames) {
        bytes += frame.len();
        let start = Instant::now();
        decoder.thumbnail(&jpeg(frame), &mut thumbnail)?;
        let seen = Instant::now();
        decoder.decode(&jpeg(frame), need, &mut picture)?;
        let ready = Instant::now();
        let detections = engine.infer(&picture)?;
        let inferred = Instant::now();
        tracker.step(Duration::from_millis(40) * index, &detections);
        let times = [
            seen - start,
            ready - seen,
            inferred - ready,
            inferred.elapsed(),
        ];
        spent
            .iter_mut()
            .zip(times)
            .for_each(|(sum, time)| *sum += time);
    }
    println!(
        "{}: {} frames, {} KB each, decoded to {}x{}, thumbnail {}x{}",
        engine.manifest(),
        frames.len(),
        bytes / frames.len() / 1024,
        picture.width,
        picture.height,
        thumbnail.width,
        thumbnail.height
    );
    for (stage, time) in ["thumbnail", "decode", "infer", "track"].iter().zip(spent) {
        println!(
            "{stage:>10} {:7.3} ms",
            time.as_secs_f64() * 1e3 / frames.len() as f64
        );
    }
    Ok(())
}

/// The same frame for two minutes at 10 frames a second, with and without the gate.
fn still(frame: &[u8], engine: &mut Engine) -> Result<(), Box<dyn std::error::Error>> {
    let need = (
        engine.manifest().input.width,
        engine.manifest().input.height,
    );
    let mut cost = |area: f32, steps: u32| -> Result<f64, Box<dyn std::error::Error>> {
        let settings = gate::Settings {
            area,
            ..gate::Settings::default()
        };
        let mut look = Look::new(settings)?;
        let mut tracker = Tracker::new(track::Settings::default());
        let start = Instant::now();
        for step in 0..steps {
            let now = Duration::from_millis(100) * step;
            let verdict = look.at(now, &jpeg(frame), need, tracker.unsure())?;
            if verdict.open {
                let detections = engine.infer(look.picture())?;
                tracker.step(now, &detections);
            } else {
                tracker.hold(now);
            }
        }
        Ok(start.elapsed().as_secs_f64() * 1e3 / f64::from(steps))
    };
    let (open, gated) = (cost(0.0, 200)?, cost(gate::Settings::default().area, 1200)?);
    println!(
        "still scene at 10 fps: {open:.3} ms a frame without the gate, {gated:.3} ms with it ({:.1} %)",
        gated / open * 100.0
    );
    Ok(())
}
