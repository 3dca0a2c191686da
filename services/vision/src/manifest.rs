//! A model's manifest: what it is, where it comes from, what it takes and what it gives.
//!
//! A model is a folder `<name>/<version>/` with `manifest.toml`, the model file, a label file,
//! the licence and the provenance. The manifest is the only thing the rest of the program knows
//! of a model: another model with the same decoder needs no new code.

mod digest;
mod form;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::digest::{Digest, DigestError};
use crate::label::{Labels, LabelsError};

/// The file name of a manifest.
pub const FILE_NAME: &str = "manifest.toml";

/// A model, described.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Name: lower case letters, digits and dashes; the same as its folder's.
    pub name: String,
    /// Version, from 1; a higher one is newer.
    pub version: u32,
    /// One sentence for people.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// SHA-256 of the model file.
    pub digest: Digest,
    /// The model file. It need not exist: see [`Manifest::installed`].
    pub file: PathBuf,
    /// How boxes are read from its outputs.
    pub decoder: Decoder,
    /// What it takes.
    pub input: Input,
    /// What is kept of what it gives.
    pub output: Output,
    /// Its words.
    pub labels: Labels,
}

/// How boxes are read from the outputs of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoder {
    /// `boxes [1,N,1,4]` (top, left, bottom, right as shares) and `scores [1,N,C]`.
    CocoSsd,
    /// Per stride 8, 16 and 32: `cls [1,N,C]` scores and `reg [1,N,44]` edge distributions.
    #[serde(rename = "nanodet")]
    NanoDet,
}

/// What a model takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the input tensor.
    pub tensor: String,
    /// Width in pixels, 16..=4096.
    pub width: u32,
    /// Height in pixels, 16..=4096.
    pub height: u32,
    /// Order of the axes.
    pub layout: Layout,
    /// Order of the channels.
    pub colour: Colour,
    /// How a picture of another shape is brought in.
    pub fit: Fit,
    /// A picture is stretched by this factor at most, at least 1; what is left is border. Only for
    /// [`Fit::Stretch`].
    #[serde(default = "any_stretch")]
    pub most_stretch: f32,
    /// Subtracted from each channel (0..=255), in the tensor's channel order.
    #[serde(default)]
    pub mean: [f32; 3],
    /// What each channel is divided by after that; not 0.
    #[serde(default = "ones")]
    pub deviation: [f32; 3],
}

fn any_stretch() -> f32 {
    1000.0
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

/// Order of the axes of an input tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Row by row, channels together.
    Nhwc,
    /// One plane per channel.
    Nchw,
}

/// Order of the channels of an input tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// How a picture of another shape is brought into the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Fill it; the shape is lost, see [`Input::most_stretch`].
    Stretch,
    /// Keep the shape, in the middle, grey around it.
    Letterbox,
}

/// What is kept of what a model gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Output {
    /// Scores below are dropped, 0..=1. The tracker lives on weak scores: keep it low.
    pub score_floor: f32,
    /// Boxes of a class that overlap more than this (intersection over union, 0..=1) are one.
    pub overlap: f32,
    /// At most so many detections per picture, 1..=1000.
    pub most: usize,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            score_floor: 0.1,
            overlap: 0.5,
            most: 100,
        }
    }
}

/// A manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file of the model cannot be read.
    #[error("read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is not TOML, lacks a key or has one that does not exist.
    #[error("parse `{}`", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value is out of its range.
    #[error("`{}`: `{key}` {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong and what is right.
        problem: String,
    },
    /// The label file is not usable.
    #[error("labels in `{}`", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LabelsError,
    },
}

impl Manifest {
    /// Reads `manifest.toml` and the label file of a model's folder. The model file itself is
    /// neither read nor needed.
    pub fn read(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(FILE_NAME);
        let form = form::Form::parse(&path, &read(&path)?)?;
        let labels_path = folder.join(&form.labels);
        let text = read(&labels_path)?;
        let labels = Labels::parse(&text).map_err(|source| ManifestError::Labels {
            path: labels_path,
            source,
        })?;
        Ok(form.manifest(folder, labels))
    }

    /// Reads a manifest from text, with labels from text: `folder` is where its file would be.
    pub fn parse(folder: &Path, manifest: &str, labels: &str) -> Result<Self, ManifestError> {
        let form = form::Form::parse(&folder.join(FILE_NAME), manifest)?;
        let labels = Labels::parse(labels).map_err(|source| ManifestError::Labels {
            path: folder.join(&form.labels),
            source,
        })?;
        Ok(form.manifest(folder, labels))
    }

    /// Whether the model file is there. Manifests of optional models are shipped without it.
    pub fn installed(&self) -> bool {
        self.file.is_file()
    }
}

fn read(path: &Path) -> Result<String, ManifestError> {
    std::fs::read_to_string(path).map_err(|source| ManifestError::Read {
        path: path.to_owned(),
        source,
    })
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.name, self.version)
    }
}

#[cfg(test)]
pub(crate) mod tests;
