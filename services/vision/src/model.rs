//! The seam to the outside: something that finds objects in a picture.
//!
//! [`Engine`](crate::Engine) is the real thing, [`Canned`](crate::Canned) the double.

use crate::{Detection, Manifest, Picture};

/// Finds objects in pictures.
pub trait Model: Send {
    /// Looks at one picture of any size. The detections come best score first and are already
    /// free of duplicates within a class; scores below the manifest's floor are left out.
    fn infer(&mut self, picture: &Picture) -> Result<Vec<Detection>, InferError>;

    /// What this model takes and gives.
    fn manifest(&self) -> &Manifest;
}

/// A model did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// The picture has no pixels, or not as many as it says.
    #[error(
        "the picture says {width}x{height} pixels, which need {need} bytes, but holds {have} bytes"
    )]
    Picture {
        /// Width it claims.
        width: u32,
        /// Height it claims.
        height: u32,
        /// Bytes that takes.
        need: usize,
        /// Bytes it has.
        have: usize,
    },
    /// The picture could not be brought to the model's input size.
    #[error("resize the picture to the model's input: {message}")]
    Resize {
        /// What the resizer said.
        message: String,
    },
    /// ONNX Runtime refused or broke off.
    #[error("run model `{model}`: {message}")]
    Run {
        /// Name of the model.
        model: String,
        /// What the runtime said.
        message: String,
    },
    /// An output is not of the shape that the manifest's decoder needs.
    #[error("model `{model}` answered with `{tensor}` of shape {found:?}, expected {expected:?}")]
    Shape {
        /// Name of the model.
        model: String,
        /// Name of the tensor.
        tensor: String,
        /// The shape it has.
        found: Vec<i64>,
        /// The shape the decoder needs.
        expected: Vec<i64>,
    },
}
