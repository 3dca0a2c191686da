//! What was found in one file, for programs and for people.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::out::{Out, counts, safe};

/// The answer for one file.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// The file as it was named.
    pub(super) file: PathBuf,
    /// `picture` or `video`.
    pub(super) kind: &'static str,
    /// `name@version`.
    pub(super) model: String,
    /// Width in pixels.
    pub(super) width: u32,
    /// Height in pixels.
    pub(super) height: u32,
    /// Objects, best score first. Of a video each object once.
    pub(super) objects: Vec<Object>,
    /// Of a video: what was in view at each look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) frames: Vec<Look>,
    /// Where the annotated picture or video is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotated: Option<PathBuf>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Object {
    /// From the model's label file.
    pub(super) label: String,
    /// Confidence, 0..=1; of a video the best.
    pub(super) score: f32,
    /// `[left, top, right, bottom]`, shares of the picture; of a video where the score was best.
    #[serde(rename = "box")]
    pub(super) bounds: [f32; 4],
    /// Only of a video.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) followed: Option<Followed>,
}

/// What is known of an object that was followed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Followed {
    /// Track id, from 1.
    pub(super) track: u64,
    /// First seen, in seconds of the video.
    pub(super) from_seconds: f64,
    /// Last seen, in seconds of the video.
    pub(super) to_seconds: f64,
}

/// One look at a video.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Look {
    /// Number of the look, from 0.
    pub(super) frame: u64,
    /// In seconds of the video.
    pub(super) time_seconds: f64,
    /// Objects in view by label.
    pub(super) counts: BTreeMap<String, u32>,
}

impl Found {
    /// Tells a person.
    pub(super) fn print(&self, out: Out) -> std::io::Result<()> {
        let mut all: BTreeMap<String, u32> = BTreeMap::new();
        for object in &self.objects {
            *all.entry(object.label.clone()).or_default() += 1;
        }
        let file = safe(&self.file.display().to_string());
        let looks = if self.kind == "video" {
            format!(" in {} looks", self.frames.len())
        } else {
            String::new()
        };
        out.line(format!("{file}: {}{looks}", counts(&all)))?;
        for object in &self.objects {
            out.line(format!("  {}", line(object)))?;
        }
        match &self.annotated {
            Some(path) => out.line(format!("  drawn in {}", safe(&path.display().to_string()))),
            None => Ok(()),
        }
    }
}

fn line(object: &Object) -> String {
    let [left, top, right, bottom] = object.bounds.map(|share| share * 100.0);
    let place = format!("{left:.0}%..{right:.0}% across, {top:.0}%..{bottom:.0}% down");
    let when = object
        .followed
        .as_ref()
        .map_or_else(String::new, |followed| {
            format!(
                ", {:.1} s to {:.1} s",
                followed.from_seconds, followed.to_seconds
            )
        });
    format!(
        "{:12} {:.2}  {place}{when}",
        safe(&object.label),
        object.score
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_file_and_objects_and_nothing_of_a_video() {
        let object = Object {
            label: "car".into(),
            score: 0.5,
            bounds: [0.0, 0.25, 0.5, 1.0],
            followed: None,
        };
        assert_eq!(
            line(&object),
            "car          0.50  0%..50% across, 25%..100% down"
        );
        let found = Found {
            file: "a.jpg".into(),
            kind: "picture",
            model: "m@1".into(),
            width: 4,
            height: 2,
            objects: vec![object],
            frames: Vec::new(),
            annotated: None,
        };
        let expected = serde_json::json!({
            "file": "a.jpg", "kind": "picture", "model": "m@1", "width": 4, "height": 2,
            "objects": [{"label": "car", "score": 0.5, "box": [0.0, 0.25, 0.5, 1.0]}],
        });
        assert_eq!(serde_json::to_value(&found).unwrap(), expected);
    }
}
