//! A video: looks at a fixed rate, objects followed from look to look.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use vigla_vision::track::{Settings, Track, Tracker};
use vigla_vision::{Detection, Engine, Picture};

use super::ffmpeg::{Film, Pictures, no_picture};
use super::found::{Followed, Found, Look, Object};
use super::{Problem, model_name, still};
use crate::annotate::{self, Mark};
use crate::cli::Detect;

/// Looks at a video; draws into `target`.
pub(super) fn look(
    engine: &mut Engine,
    file: &Path,
    target: Option<&Path>,
    options: &Detect,
) -> Result<Found, Problem> {
    let mut pictures = Pictures::open(file, options.rate)?;
    let mut movie = target
        .map(|target| Film::create(target, options.rate))
        .transpose()?;
    let mut decoder = still::decoder()?;
    let mut picture = Picture::default();
    let (mut width, mut height) = (0, 0);
    let mut follower = Follower::new(options.threshold);
    while let Some(jpeg) = pictures.next()? {
        (width, height) = still::size(&jpeg)?;
        still::decode(
            &mut decoder,
            &jpeg,
            still::need(engine, movie.is_some()),
            &mut picture,
        )?;
        let detections = still::infer(engine, &picture)?;
        let time = Duration::from_secs_f64(follower.looks() / options.rate);
        let in_view = follower.step(time, &detections);
        if let Some(movie) = &mut movie {
            let marks: Vec<Mark> = in_view.iter().map(mark).collect();
            annotate::draw(&mut picture, &marks);
            let jpeg = annotate::encode(&picture)
                .map_err(|error| Problem::at("encode the picture", &error))?;
            movie.add(&jpeg)?;
        }
    }
    let complaint = pictures.complaint();
    let (objects, frames) = follower.finish();
    if frames.is_empty() {
        return Err(no_picture(complaint));
    }
    if let Some(movie) = movie {
        movie.finish()?;
    }
    Ok(Found {
        file: file.to_owned(),
        kind: "video",
        model: model_name(engine),
        width,
        height,
        objects,
        frames,
        annotated: target.map(Path::to_owned),
    })
}

fn mark(track: &Track) -> Mark {
    let label = track.label.to_string();
    let text = format!("{label} {}", track.id);
    Mark {
        bounds: track.bounds,
        label,
        text,
    }
}

/// Each object once, at its best, and what was in view at each look.
struct Follower {
    tracker: Tracker,
    best: BTreeMap<u64, Object>,
    looks: Vec<Look>,
}

impl Follower {
    fn new(threshold: f32) -> Self {
        let usual = Settings::default();
        let settings = Settings {
            strong: threshold,
            weak: usual.weak.min(threshold),
            ..usual
        };
        Self {
            tracker: Tracker::new(settings),
            best: BTreeMap::new(),
            looks: Vec::new(),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a video of 2^52 looks")]
    fn looks(&self) -> f64 {
        self.looks.len() as f64
    }

    /// The tracks in view at `time`.
    fn step(&mut self, time: Duration, detections: &[Detection]) -> Vec<Track> {
        self.tracker.step(time, detections);
        let in_view: Vec<Track> = self.tracker.in_view().collect();
        let mut counts = BTreeMap::new();
        for track in &in_view {
            *counts.entry(track.label.to_string()).or_insert(0) += 1;
            self.remember(track);
        }
        let frame = self.looks.len() as u64;
        self.looks.push(Look {
            frame,
            time_seconds: time.as_secs_f64(),
            counts,
        });
        in_view
    }

    fn remember(&mut self, track: &Track) {
        let followed = Followed {
            track: track.id,
            from_seconds: track.first_seen.as_secs_f64(),
            to_seconds: track.last_seen.as_secs_f64(),
        };
        let now = Object {
            label: track.label.to_string(),
            score: track.best,
            bounds: track.bounds.to_array(),
            followed: Some(followed),
        };
        let known = self.best.entry(track.id).or_insert_with(|| now.clone());
        let bounds = if now.score > known.score {
            now.bounds
        } else {
            known.bounds
        };
        *known = Object { bounds, ..now };
    }

    fn finish(self) -> (Vec<Object>, Vec<Look>) {
        let mut objects: Vec<Object> = self.best.into_values().collect();
        objects.sort_by(|a, b| b.score.total_cmp(&a.score));
        (objects, self.looks)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vigla_vision::Bounds;

    use super::*;

    #[test]
    fn an_object_is_listed_once_at_its_best() {
        let mut follower = Follower::new(0.45);
        for (n, score) in (0_u8..).zip([0.5, 0.6, 0.9, 0.7, 0.5]) {
            let left = 0.1 + 0.01 * f32::from(n);
            let bounds = Bounds::new(left, 0.2, left + 0.2, 0.6).unwrap();
            let detection = Detection {
                class: 2,
                label: Arc::from("car"),
                score,
                bounds,
            };
            follower.step(Duration::from_millis(100 * u64::from(n)), &[detection]);
        }
        let (objects, looks) = follower.finish();
        assert_eq!((objects.len(), looks.len()), (1, 5));
        assert_eq!((objects[0].label.as_str(), objects[0].score), ("car", 0.9));
        let seen = objects[0].followed.as_ref().unwrap();
        assert_eq!((seen.from_seconds, seen.to_seconds), (0.0, 0.4));
        assert_eq!(looks[4].counts, BTreeMap::from([("car".to_owned(), 1)]));
    }
}
