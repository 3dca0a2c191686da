//! One picture.

use std::path::Path;

use vigla_vision::picture::{Decoder, Format, Frame};
use vigla_vision::{Detection, Engine, Model, Picture};

use super::found::{Found, Object};
use super::{Problem, model_name};
use crate::annotate::{self, Mark};

/// Looks at a JPEG; draws into `target`.
pub(super) fn look(
    engine: &mut Engine,
    file: &Path,
    jpeg: &[u8],
    target: Option<&Path>,
    threshold: f32,
) -> Result<Found, Problem> {
    let mut picture = Picture::default();
    decode(
        &mut decoder()?,
        jpeg,
        need(engine, target.is_some()),
        &mut picture,
    )?;
    let (width, height) = size(jpeg)?;
    let objects = find(engine, &picture, threshold)?;
    if let Some(target) = target {
        let marks: Vec<Mark> = objects.iter().map(mark).collect();
        annotate::draw(&mut picture, &marks);
        let jpeg = annotate::encode(&picture)
            .map_err(|error| Problem::at("encode the picture", &error))?;
        #[allow(
            clippy::disallowed_methods,
            reason = "a picture that the user asked for, not state"
        )]
        std::fs::write(target, jpeg)
            .map_err(|error| Problem::at(format!("write `{}`", target.display()), &error))?;
    }
    Ok(Found {
        file: file.to_owned(),
        kind: "picture",
        model: model_name(engine),
        width,
        height,
        objects: objects.iter().map(object).collect(),
        frames: Vec::new(),
        annotated: target.map(Path::to_owned),
    })
}

pub(super) fn decoder() -> Result<Decoder, Problem> {
    Decoder::new().map_err(|error| Problem::at("start the JPEG decoder", &error))
}

/// What the model needs; all of it where it is drawn into.
pub(super) fn need(engine: &Engine, whole: bool) -> (u32, u32) {
    let input = &engine.manifest().input;
    if whole {
        (u32::MAX, u32::MAX)
    } else {
        (input.width, input.height)
    }
}

pub(super) fn decode(
    decoder: &mut Decoder,
    jpeg: &[u8],
    need: (u32, u32),
    picture: &mut Picture,
) -> Result<(), Problem> {
    let frame = Frame {
        format: Format::Jpeg,
        width: 0,
        height: 0,
        bytes: jpeg,
    };
    decoder
        .decode(&frame, need, picture)
        .map_err(|error| Problem::at("read the picture", &error))
}

/// Width and height of a JPEG in pixels.
pub(super) fn size(jpeg: &[u8]) -> Result<(u32, u32), Problem> {
    let header =
        turbojpeg::read_header(jpeg).map_err(|error| Problem::at("read the picture", &error))?;
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Ok((number(header.width), number(header.height)))
}

pub(super) fn infer(engine: &mut Engine, picture: &Picture) -> Result<Vec<Detection>, Problem> {
    engine
        .infer(picture)
        .map_err(|error| Problem::at("look at the picture", &error))
}

fn find(engine: &mut Engine, picture: &Picture, threshold: f32) -> Result<Vec<Detection>, Problem> {
    let mut found = infer(engine, picture)?;
    found.retain(|detection| detection.score >= threshold);
    Ok(found)
}

fn object(detection: &Detection) -> Object {
    Object {
        label: detection.label.to_string(),
        score: detection.score,
        bounds: detection.bounds.to_array(),
        followed: None,
    }
}

fn mark(detection: &Detection) -> Mark {
    let label = detection.label.to_string();
    let text = format!("{label} {:.0}%", detection.score * 100.0);
    Mark {
        bounds: detection.bounds,
        label,
        text,
    }
}
