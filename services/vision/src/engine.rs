//! The engine: a model run by ONNX Runtime.
//!
//! Opening checks everything once: the file's digest, the names and shapes of its tensors, and
//! that it answers. Names and shapes are one room, `contract`, asked again of each answer.

mod contract;
mod error;
mod prepare;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::TensorRef;

use self::contract::Contract;
pub use self::error::ModelError;
use self::prepare::Prepare;
use crate::decode;
use crate::library::{Library, LibraryError};
use crate::manifest::{Digest, Manifest};
use crate::model::{InferError, Model};
use crate::nms::{Candidate, suppress};
use crate::{Detection, Picture};

/// A model, loaded.
#[derive(Debug)]
pub struct Engine {
    manifest: Manifest,
    session: Session,
    prepare: Prepare,
    contract: Contract,
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
        let mut engine = Self {
            contract: Contract::of(manifest, &session)?,
            prepare: Prepare::new(&manifest.input),
            manifest: manifest.clone(),
            session,
        };
        let (width, height) = (manifest.input.width, manifest.input.height);
        let probe = engine.infer(&Picture::new(width, height));
        probe.map_err(|source| ModelError::Probe {
            model: model(),
            source,
        })?;
        Ok(engine)
    }

    fn candidates(&mut self, picture: &Picture) -> Result<Vec<Candidate>, InferError> {
        self.prepare.fill(picture)?;
        let failed = |error: ort::Error| self.contract.broken(error.message());
        let input = TensorRef::from_array_view((self.contract.input, self.prepare.tensor()))
            .map_err(failed)?;
        let answer = self
            .session
            .run(ort::inputs![self.manifest.input.tensor.as_str() => input])
            .map_err(failed)?;
        let tensors = self.contract.take(&answer)?;
        Ok(decode::decode(&self.manifest, &tensors))
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
