//! A drawn street: scripted cars and people, with the exact truth about each frame inside it.
//!
//! [`scene`] says who is where at a time, [`canvas`] draws shapes, [`street`] draws the place and
//! the actors. Real models do not recognise drawings, so each JPEG carries what was drawn as an
//! APP11 segment: `VIGLA-TRUTH`, a zero byte, and JSON `[{"label":"car","box":[l,t,r,b]}, ...]`, boxes as
//! shares of the picture. The detector's model `truth` reads it; tests compare counts with it.

pub mod canvas;
pub mod scene;
pub mod street;

use std::time::Duration;

use serde::Serialize;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};
use vigla_kit::Clock;

use super::pace::Pace;
use super::{Source, SourceError};
use crate::jpeg::{self, turbo::TurboError};
use crate::picture::{Format, Picture};
use canvas::Canvas;
use scene::Actor;

/// What the ground truth begins with.
pub const TRUTH_PREFIX: &[u8] = b"VIGLA-TRUTH\0";

const QUALITY: i32 = 80;

/// The drawn street as a source.
#[derive(Debug)]
pub struct Synthetic {
    artist: Artist,
    pace: Pace,
    period: Duration,
    clock: Clock,
    frame: Vec<u8>,
}

impl Synthetic {
    /// A street of `width` x `height` pixels, a new picture each `period`.
    pub fn open(
        width: u32,
        height: u32,
        period: Duration,
        clock: Clock,
    ) -> Result<Self, SourceError> {
        Ok(Self {
            artist: Artist::new(width, height)?,
            pace: Pace::new(period),
            period,
            clock,
            frame: Vec::new(),
        })
    }
}

impl Source for Synthetic {
    fn next(&mut self, patience: Duration) -> Result<Option<Picture<'_>>, SourceError> {
        let Some(tick) = self.pace.tick(patience) else {
            return Ok(None);
        };
        let mono_usec = self.clock.mono_usec();
        #[allow(clippy::cast_precision_loss, reason = "ticks stay far below 2^52")]
        let seconds = tick as f64 * self.period.as_secs_f64();
        self.frame = self.artist.frame(seconds)?;
        Ok(Some(Picture {
            format: Format::Mjpg,
            width: self.artist.canvas.width(),
            height: self.artist.canvas.height(),
            bytes: &self.frame,
            mono_usec,
            damaged: false,
        }))
    }
}

/// Draws and encodes frames of the street.
#[derive(Debug)]
pub struct Artist {
    empty: Canvas,
    canvas: Canvas,
    compressor: Compressor,
}

impl Artist {
    /// Prepares a street of `width` x `height` pixels.
    pub fn new(width: u32, height: u32) -> Result<Self, SourceError> {
        let library =
            |error: turbojpeg::Error| SourceError::Encode(TurboError::Library(error.to_string()));
        let mut compressor = Compressor::new().map_err(library)?;
        compressor.set_quality(QUALITY);
        compressor.set_subsamp(Subsamp::Sub2x2);
        let mut empty = Canvas::new(width, height);
        street::place(&mut empty);
        Ok(Self {
            canvas: empty.clone(),
            empty,
            compressor,
        })
    }

    /// The JPEG of the street at `seconds` into the script, with its truth inside.
    pub fn frame(&mut self, seconds: f64) -> Result<Vec<u8>, SourceError> {
        let actors = scene::at(seconds);
        self.canvas.copy_from(&self.empty);
        for actor in &actors {
            street::actor(&mut self.canvas, actor);
        }
        street::lights(&mut self.canvas, seconds);
        let image = Image {
            pixels: self.canvas.pixels(),
            width: self.canvas.width() as usize,
            pitch: self.canvas.width() as usize * 3,
            height: self.canvas.height() as usize,
            format: PixelFormat::RGB,
        };
        let encoded = self
            .compressor
            .compress_to_vec(image)
            .map_err(|error| SourceError::Encode(TurboError::Library(error.to_string())))?;
        let truth = truth_segment(&actors);
        jpeg::with_segment(&encoded, jpeg::APP11, &truth)
            .ok_or(SourceError::Encode(TurboError::NotJpeg))
    }
}

/// One entry of the ground truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// `car` or `person`.
    pub label: &'static str,
    /// Left, top, right, bottom as shares of the picture.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
}

/// What can be counted at `seconds` into the script: actors that are at least half inside.
pub fn truth(seconds: f64) -> Vec<Truth> {
    truth_of(&scene::at(seconds))
}

fn truth_of(actors: &[Actor]) -> Vec<Truth> {
    let visible = actors.iter().filter_map(|actor| {
        actor.visible_bounds().map(|bounds| Truth {
            label: actor.kind.label(),
            bounds,
        })
    });
    visible.collect()
}

fn truth_segment(actors: &[Actor]) -> Vec<u8> {
    let mut body = TRUTH_PREFIX.to_vec();
    let items: Vec<String> = truth_of(actors)
        .iter()
        .map(|t| {
            let [left, top, right, bottom] = t.bounds;
            format!(
                r#"{{"label":"{}","box":[{left:.5},{top:.5},{right:.5},{bottom:.5}]}}"#,
                t.label
            )
        })
        .collect();
    body.extend_from_slice(format!("[{}]", items.join(",")).as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_carries_its_truth() {
        let mut artist = Artist::new(320, 180).unwrap();
        for seconds in [0.0, 7.3, 100.0] {
            let frame = artist.frame(seconds).unwrap();
            assert_eq!(jpeg::size(&frame), Some((320, 180)));
            assert!(jpeg::is_complete(&frame));
            let at = frame
                .windows(TRUTH_PREFIX.len())
                .position(|w| w == TRUTH_PREFIX)
                .unwrap();
            let length = usize::from(u16::from_be_bytes([frame[at - 2], frame[at - 1]])) - 2;
            let json = &frame[at + TRUTH_PREFIX.len()..at + length];
            let found: serde_json::Value = serde_json::from_slice(json).unwrap();
            let labels: Vec<_> = found
                .as_array()
                .unwrap()
                .iter()
                .map(|o| o["label"].as_str().unwrap())
                .collect();
            let expected: Vec<_> = truth(seconds).iter().map(|t| t.label).collect();
            assert_eq!(labels, expected);
        }
    }
}
