//! The engine: a model run by ONNX Runtime.
//!
//! Opening checks everything once: the file's digest, the names and shapes of its tensors, and
//! that it answers. An engine that opened keeps its promise of a shape; each answer is checked
//! again all the same, because it crosses C code.

mod error;
mod prepare;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{Outlet, TensorElementType, TensorRef};

pub use self::error::ModelError;
use self::prepare::Prepare;
use crate::decode::{self, Needed, coco_ssd, nanodet};
use crate::library::{Library, LibraryError};
use crate::manifest::{Decoder, Digest, Layout, Manifest};
use crate::model::{InferError, Model};
use crate::nms::{Candidate, suppress};
use crate::{Detection, Picture};

/// A model, loaded.
#[derive(Debug)]
pub struct Engine {
    manifest: Manifest,
    session: Session,
    prepare: Prepare,
    needed: Vec<Needed>,
    classes: usize,
    shape: [i64; 4],
}

impl Engine {
    /// Loads ONNX Runtime from `path` or the usual places: see [`Library::load`].
    pub fn load_library(path: Option<&std::path::Path>) -> Result<(), LibraryError> {
        Library::load(path).map(drop)
    }

    /// Opens a model with so many threads for one inference; 0 means all cores but one, at most
    /// four (more gain nothing on models of this size).
    ///
    /// Threads sleep between inferences: the node has other work for its cores.
    pub fn open(manifest: &Manifest, threads: usize) -> Result<Self, ModelError> {
        let model = || manifest.name.clone();
        let library = Library::loaded().ok_or_else(|| ModelError::NoLibrary { model: model() })?;
        let bytes = read(manifest)?;
        let session = session(&library, &bytes, threads);
        let session = session.map_err(|error| ModelError::Load {
            model: model(),
            message: error.message().to_owned(),
        })?;
        let mut engine = Self::checked(manifest, session)?;
        let (width, height) = (manifest.input.width, manifest.input.height);
        let probe = engine.infer(&Picture::new(width, height));
        probe.map_err(|source| ModelError::Probe {
            model: model(),
            source,
        })?;
        Ok(engine)
    }

    fn checked(manifest: &Manifest, session: Session) -> Result<Self, ModelError> {
        let (input, classes) = (&manifest.input, manifest.labels.classes());
        let (width, height) = (i64::from(input.width), i64::from(input.height));
        let shape = match input.layout {
            Layout::Nhwc => [1, height, width, 3],
            Layout::Nchw => [1, 3, height, width],
        };
        let needed = decode::needed(manifest.decoder, input.width, input.height, classes);
        check(manifest, "input", &input.tensor, &shape, session.inputs())?;
        for output in &needed {
            let outlets = session.outputs();
            check(manifest, "output", output.tensor, &output.shape, outlets)?;
        }
        Ok(Self {
            prepare: Prepare::new(input),
            manifest: manifest.clone(),
            session,
            needed,
            classes,
            shape,
        })
    }

    fn candidates(&mut self, picture: &Picture) -> Result<Vec<Candidate>, InferError> {
        self.prepare.fill(picture)?;
        let failed = |error: &ort::Error| InferError::Run {
            model: self.manifest.name.clone(),
            message: error.message().to_owned(),
        };
        let input = TensorRef::from_array_view((self.shape, self.prepare.tensor()))
            .map_err(|error| failed(&error))?;
        let outputs = self
            .session
            .run(ort::inputs![self.manifest.input.tensor.as_str() => input])
            .map_err(|error| failed(&error))?;
        let mut tensors = Vec::with_capacity(self.needed.len());
        for needed in &self.needed {
            let value = outputs.get(needed.tensor);
            let tensor = value.map(|value| value.try_extract_tensor::<f32>());
            let (shape, values) = match tensor {
                Some(tensor) => tensor.map_err(|error| failed(&error))?,
                None => continue,
            };
            if !decode::fits(shape, &needed.shape) {
                return Err(InferError::Shape {
                    model: self.manifest.name.clone(),
                    tensor: needed.tensor.to_owned(),
                    found: shape.to_vec(),
                    expected: needed.shape.clone(),
                });
            }
            tensors.push(values);
        }
        Ok(decode(&self.manifest, self.classes, &tensors))
    }

    fn detection(&self, candidate: Candidate) -> Option<Detection> {
        Some(Detection {
            class: candidate.class,
            label: self.manifest.labels.of(candidate.class.into())?.clone(),
            score: candidate.score,
            bounds: self.prepare.place(candidate.bounds)?,
        })
    }
}

impl Model for Engine {
    fn infer(&mut self, picture: &Picture) -> Result<Vec<Detection>, InferError> {
        picture.check()?;
        let mut candidates = self.candidates(picture)?;
        candidates.retain(|found| self.manifest.labels.of(found.class.into()).is_some());
        let output = self.manifest.output;
        let kept = suppress(candidates, output.overlap, output.most);
        Ok(kept
            .into_iter()
            .filter_map(|candidate| self.detection(candidate))
            .collect())
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

fn decode(manifest: &Manifest, classes: usize, tensors: &[&[f32]]) -> Vec<Candidate> {
    let floor = manifest.output.score_floor;
    let size = (manifest.input.width, manifest.input.height);
    match (manifest.decoder, tensors) {
        (Decoder::CocoSsd, [boxes, scores]) => coco_ssd::decode(boxes, scores, classes, floor),
        (Decoder::CocoSsd, _) => Vec::new(),
        (Decoder::NanoDet, tensors) => tensors
            .chunks_exact(2)
            .zip(nanodet::STRIDES)
            .flat_map(|(pair, stride)| {
                nanodet::decode(pair[0], pair[1], stride, size, classes, floor)
            })
            .collect(),
    }
}

fn read(manifest: &Manifest) -> Result<Vec<u8>, ModelError> {
    let bytes = std::fs::read(&manifest.file).map_err(|source| ModelError::Read {
        path: manifest.file.clone(),
        source,
    })?;
    let found = Digest::of(&bytes);
    if found == manifest.digest {
        return Ok(bytes);
    }
    Err(ModelError::Digest {
        path: manifest.file.clone(),
        expected: manifest.digest,
        found,
    })
}

/// The session is made from the very bytes whose digest was checked.
fn session(library: &Library, model: &[u8], threads: usize) -> Result<Session, ort::Error> {
    let plain = |error: ort::Error<SessionBuilder>| ort::Error::new(error.message());
    let threads = if threads == 0 {
        usual_threads()
    } else {
        threads
    };
    Session::builder(library.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(plain)?
        .with_intra_threads(threads)
        .map_err(plain)?
        .with_inter_threads(1)
        .map_err(plain)?
        .with_intra_op_spinning(false)
        .map_err(plain)?
        .with_inter_op_spinning(false)
        .map_err(plain)?
        .commit_from_memory(model)
}

fn usual_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_sub(1).clamp(1, 4)
}

fn check(
    manifest: &Manifest,
    kind: &'static str,
    tensor: &str,
    expected: &[i64],
    outlets: &[Outlet],
) -> Result<(), ModelError> {
    let fits = |outlet: &Outlet| {
        outlet.name() == tensor
            && outlet.dtype().tensor_type() == Some(TensorElementType::Float32)
            && outlet
                .dtype()
                .tensor_shape()
                .is_some_and(|shape| decode::fits(shape, expected))
    };
    if outlets.iter().any(fits) {
        return Ok(());
    }
    let texts: Vec<_> = outlets
        .iter()
        .map(|outlet| format!("`{}` {}", outlet.name(), outlet.dtype()))
        .collect();
    Err(ModelError::Contract {
        model: manifest.name.clone(),
        kind,
        tensor: tensor.to_owned(),
        expected: expected.to_vec(),
        found: texts.join(", "),
    })
}
