//! What manifest and decoder need of a model's tensors: names, shapes, and numbers of f32.
//!
//! Asked twice: of the model's own description when it is opened, and of each answer, because
//! answers cross C code.

use ort::session::{Session, SessionOutputs};
use ort::value::{Outlet, TensorElementType};

use super::error::ModelError;
use crate::decode::{self, Needed};
use crate::manifest::{Layout, Manifest};
use crate::model::InferError;

/// The tensors of one model.
#[derive(Debug)]
pub(super) struct Contract {
    model: String,
    /// Shape of the input tensor.
    pub(super) input: [i64; 4],
    outputs: Vec<Needed>,
}

impl Contract {
    /// Checks the model's description of itself.
    pub(super) fn of(manifest: &Manifest, session: &Session) -> Result<Self, ModelError> {
        let (input, classes) = (&manifest.input, manifest.labels.classes());
        let (width, height) = (i64::from(input.width), i64::from(input.height));
        let shape = match input.layout {
            Layout::Nhwc => [1, height, width, 3],
            Layout::Nchw => [1, 3, height, width],
        };
        let contract = Self {
            model: manifest.name.clone(),
            input: shape,
            outputs: decode::needed(manifest.decoder, input.width, input.height, classes),
        };
        contract.check("input", &input.tensor, &shape, session.inputs())?;
        for output in &contract.outputs {
            contract.check("output", output.tensor, &output.shape, session.outputs())?;
        }
        Ok(contract)
    }

    fn check(
        &self,
        kind: &'static str,
        tensor: &str,
        expected: &[i64],
        outlets: &[Outlet],
    ) -> Result<(), ModelError> {
        let fitting = |outlet: &Outlet| {
            let dtype = outlet.dtype();
            outlet.name() == tensor
                && dtype.tensor_type() == Some(TensorElementType::Float32)
                && dtype.tensor_shape().is_some_and(|s| fits(s, expected))
        };
        if outlets.iter().any(fitting) {
            return Ok(());
        }
        let texts = outlets
            .iter()
            .map(|o| format!("`{}` {}", o.name(), o.dtype()));
        Err(ModelError::Contract {
            model: self.model.clone(),
            kind,
            tensor: tensor.to_owned(),
            expected: expected.to_vec(),
            found: texts.collect::<Vec<_>>().join(", "),
        })
    }

    /// The numbers of each output, in the decoder's order.
    pub(super) fn take<'o>(
        &self,
        answer: &'o SessionOutputs<'_>,
    ) -> Result<Vec<&'o [f32]>, InferError> {
        let take = |needed| self.take_one(needed, answer);
        self.outputs.iter().map(take).collect()
    }

    fn take_one<'o>(
        &self,
        needed: &Needed,
        answer: &'o SessionOutputs<'_>,
    ) -> Result<&'o [f32], InferError> {
        let Some(value) = answer.get(needed.tensor) else {
            return Err(self.broken(&format!("it gave no `{}`", needed.tensor)));
        };
        let (shape, numbers) = value
            .try_extract_tensor::<f32>()
            .map_err(|error| self.broken(error.message()))?;
        if fits(shape, &needed.shape) {
            return Ok(numbers);
        }
        Err(InferError::Shape {
            model: self.model.clone(),
            tensor: needed.tensor.to_owned(),
            found: shape.to_vec(),
            expected: needed.shape.clone(),
        })
    }

    /// The runtime refused, or broke off, saying `message`.
    pub(super) fn broken(&self, message: &str) -> InferError {
        InferError::Run {
            model: self.model.clone(),
            message: message.to_owned(),
        }
    }
}

/// Whether a shape fits what is needed. A model may leave a size open (-1) in its description;
/// what it answers has all of them.
fn fits(found: &[i64], needed: &[i64]) -> bool {
    let one = |(found, needed): (&i64, &i64)| *needed == 0 || *found == -1 || found == needed;
    found.len() == needed.len() && found.iter().zip(needed).all(one)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn an_open_size_fits_and_another_does_not() {
        assert!(fits(&[1, 1917, 90], &[1, 0, 90]));
        assert!(fits(&[-1, -1, 90], &[1, 0, 90]));
        assert!(!fits(&[1, 1917, 91], &[1, 0, 90]));
        assert!(!fits(&[1, 90], &[1, 0, 90]));
    }
}
