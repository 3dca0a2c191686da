//! A model that answers from a script: the honest double for tests of whatever uses a model.

use std::fmt;

use crate::manifest::Manifest;
use crate::model::{InferError, Model};
use crate::{Bounds, Detection, Picture};

type Answer = dyn FnMut(&Picture) -> Result<Vec<Detection>, InferError> + Send;

/// Answers each picture from a closure. Like a real model it drops scores below the manifest's
/// floor, sorts by score and refuses pictures that do not hold what they say.
pub struct Canned {
    manifest: Manifest,
    answer: Box<Answer>,
}

impl Canned {
    /// A model that asks `answer` for each picture.
    pub fn new(
        manifest: Manifest,
        answer: impl FnMut(&Picture) -> Result<Vec<Detection>, InferError> + Send + 'static,
    ) -> Self {
        Self {
            manifest,
            answer: Box::new(answer),
        }
    }

    /// A model that plays `frames` once and then sees nothing. Each object is a label of the
    /// manifest, a score and `[left, top, right, bottom]`; an unknown label is left out.
    pub fn playing(manifest: Manifest, frames: Vec<Vec<(&str, f32, [f32; 4])>>) -> Self {
        let mut frames: std::collections::VecDeque<Vec<Detection>> = frames
            .into_iter()
            .map(|objects| {
                objects
                    .into_iter()
                    .filter_map(|(label, score, bounds)| see(&manifest, label, score, bounds))
                    .collect()
            })
            .collect();
        Self::new(manifest, move |_| {
            Ok(frames.pop_front().unwrap_or_default())
        })
    }
}

/// A detection in the words of `manifest`; `None` when it lacks the label or the box is empty.
pub fn see(
    manifest: &Manifest,
    label: &str,
    score: f32,
    [left, top, right, bottom]: [f32; 4],
) -> Option<Detection> {
    let class = manifest.labels.class(label).ok()?;
    Some(Detection {
        class,
        label: manifest.labels.check(label).ok()?,
        score,
        bounds: Bounds::new(left, top, right, bottom)?,
    })
}

impl Model for Canned {
    fn infer(&mut self, picture: &Picture) -> Result<Vec<Detection>, InferError> {
        picture.check()?;
        let mut detections = (self.answer)(picture)?;
        detections.retain(|detection| detection.score >= self.manifest.output.score_floor);
        detections.sort_by(|a, b| b.score.total_cmp(&a.score));
        detections.truncate(self.manifest.output.most);
        Ok(detections)
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

impl fmt::Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canned")
            .field("manifest", &self.manifest.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::example;

    #[test]
    fn plays_its_frames_in_order_and_then_sees_nothing() {
        let mut model = Canned::playing(
            example(),
            vec![
                vec![
                    ("car", 0.5, [0.1, 0.1, 0.2, 0.2]),
                    ("person", 0.9, [0.1, 0.1, 0.2, 0.2]),
                    ("unicorn", 0.9, [0.1, 0.1, 0.2, 0.2]),
                ],
                vec![("car", 0.001, [0.1, 0.1, 0.2, 0.2])],
            ],
        );
        let picture = Picture::new(2, 2);
        let labels: Vec<_> = model
            .infer(&picture)
            .unwrap()
            .iter()
            .map(|d| d.label.to_string())
            .collect();
        assert_eq!(labels, ["person", "car"]);
        assert_eq!(model.infer(&picture).unwrap(), []);
        assert_eq!(model.infer(&picture).unwrap(), []);
    }

    #[test]
    fn refuses_a_picture_that_lies() {
        let mut model = Canned::playing(example(), vec![]);
        let picture = Picture {
            width: 10,
            height: 10,
            rgb: vec![0; 5],
        };
        assert!(matches!(
            model.infer(&picture),
            Err(InferError::Picture { need: 300, .. })
        ));
    }
}
