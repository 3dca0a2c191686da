//! Why a model cannot be opened.

use std::path::PathBuf;

use crate::manifest::Digest;
use crate::model::InferError;

/// A model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// ONNX Runtime is not loaded.
    #[error("open model `{model}`: ONNX Runtime is not loaded")]
    NoLibrary {
        /// The model.
        model: String,
    },
    /// The model file cannot be read; optional models are shipped without theirs.
    #[error("read model file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not the one that the manifest describes: damaged, truncated or replaced.
    #[error("model file `{}` has SHA-256 {found}; its manifest says {expected}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// ONNX Runtime cannot load the file.
    #[error("load model `{model}`: {message}")]
    Load {
        /// The model.
        model: String,
        /// What the runtime said.
        message: String,
    },
    /// The model does not have the tensors that manifest and decoder need.
    #[error("model `{model}` has no {kind} `{tensor}` of f32 {expected:?}; it has {found}")]
    Contract {
        /// The model.
        model: String,
        /// `input` or `output`.
        kind: &'static str,
        /// The tensor that is missing or wrong.
        tensor: String,
        /// The shape it should have; 0 stands for any size.
        expected: Vec<i64>,
        /// All tensors of that kind that it has.
        found: String,
    },
    /// The model loads but does not answer.
    #[error("try model `{model}`")]
    Probe {
        /// The model.
        model: String,
        /// Why.
        source: InferError,
    },
}
