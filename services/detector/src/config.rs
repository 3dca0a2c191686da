//! The settings: what is looked at, how often, what is counted, and where.
//!
//! The manual of every key is `dist/usr/lib/vigla/detector.d/10-default.toml`; a test keeps the
//! two the same. Labels are checked against the label file of the configured model as far as it
//! is installed; when it is not, `--check` says so, and the loader checks later and reports a
//! problem instead.

mod gate;
mod labels;
mod tracker;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vigla_kit::config::{DAY, MINUTE, Rate, Ratio, Span};
use vigla_kit::{ConfigError, Locator};
use vigla_vision::track;
use vigla_vision::zone::{Line, Polygon};

pub use gate::Gate;
pub use tracker::{Confirm, Tracker};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `auto`, `truth`, or the name of an installed model.
    pub model: String,
    /// Version of the model; empty for the newest.
    pub version: String,
    /// Path of `libonnxruntime.so`; empty for the usual places.
    pub library: PathBuf,
    /// Folders with models, `<name>/<version>/manifest.toml` below each.
    pub model_dirs: Vec<PathBuf>,
    /// Threads of one inference; 0 is all cores but one, 1 to 4.
    pub threads: Threads,
    /// At most so many frames of each camera are looked at per second.
    pub rate: Rate,
    /// Labels that are counted; everything else is not even tracked.
    pub labels: Vec<String>,
    /// Score from which a detection begins a track.
    pub threshold: Ratio,
    /// The same for single labels.
    pub thresholds: BTreeMap<String, Ratio>,
    /// How long pictures of events are kept.
    pub keep_pictures: Span<MINUTE, { 30 * DAY }>,
    /// When the model need not look.
    pub gate: Gate,
    /// How detections become objects that stay.
    pub tracker: Tracker,
    /// Settings of single cameras, by id.
    pub camera: BTreeMap<String, Camera>,
}

vigla_kit::whole! {
    /// Threads of one inference, 0..=64; 0 is all cores but one, 1 to 4.
    pub Threads(usize) = 0..=64, "a number of threads"
}

impl Threads {
    /// All cores but one, 1 to 4.
    pub const AUTO: Self = Self(0);
}

/// What is special about one camera.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Camera {
    /// Replaces the global `threshold`.
    pub threshold: Option<Ratio>,
    /// Goes before the global `thresholds`.
    pub thresholds: BTreeMap<String, Ratio>,
    /// Polygons by name; objects standing in one carry its name.
    pub zones: BTreeMap<String, Polygon>,
    /// Counting lines by name.
    pub lines: BTreeMap<String, Line>,
}

impl Default for Settings {
    fn default() -> Self {
        let labels = ["person", "car", "bicycle", "motorcycle", "bus", "truck"];
        Self {
            model: AUTO.into(),
            version: String::new(),
            library: PathBuf::new(),
            model_dirs: ["/usr/share/vigla/models", "/var/lib/vigla/detector/models"]
                .map(PathBuf::from)
                .into(),
            threads: Threads::AUTO,
            rate: rate(10.0),
            labels: labels.map(str::to_owned).into(),
            threshold: ratio(0.45),
            thresholds: BTreeMap::new(),
            keep_pictures: Span::from_millis(DAY),
            gate: Gate::default(),
            tracker: Tracker::default(),
            camera: BTreeMap::new(),
        }
    }
}

/// The model setting that chooses by camera: `truth` for synthetic ones, else the default model.
pub(crate) const AUTO: &str = "auto";

/// The model that `auto` means.
pub(crate) const DEFAULT_MODEL: &str = "cocossd-mnv2-300-int8";

fn ratio(value: f64) -> Ratio {
    Ratio::new(value).expect("a default is in range")
}

fn rate(value: f64) -> Rate {
    Rate::new(value).expect("a default is in range")
}

impl Settings {
    /// The name of the model that the engine is to run; `None` when only the truth is read.
    pub(crate) fn engine_model(&self) -> Option<&str> {
        match self.model.as_str() {
            crate::truth::NAME => None,
            AUTO => Some(DEFAULT_MODEL),
            name => Some(name),
        }
    }

    /// Settings of camera `id`; the default for one that is not named.
    pub(crate) fn camera(&self, id: &str) -> Camera {
        self.camera.get(id).cloned().unwrap_or_default()
    }

    /// From which score a `label` begins a track at `camera`: the nearest setting wins.
    pub(crate) fn threshold(&self, camera: &Camera, label: &str) -> f32 {
        let ratio = camera
            .thresholds
            .get(label)
            .or(camera.threshold.as_ref())
            .or(self.thresholds.get(label))
            .unwrap_or(&self.threshold);
        score(*ratio)
    }

    /// How the tracker of `camera` behaves.
    pub(crate) fn tracking(&self, camera: &Camera) -> track::Settings {
        let labels = self.labels.iter();
        let thresholds = labels.map(|l| (l.as_str().into(), self.threshold(camera, l)));
        let strong = score(camera.threshold.unwrap_or(self.threshold));
        let usual = track::Settings::default();
        track::Settings {
            strong,
            strong_by_label: thresholds.collect(),
            weak: score(self.tracker.low_threshold),
            confirm: self.tracker.confirm.get(),
            bridge: (
                usual.bridge.0.min(self.tracker.bridge.get()),
                self.tracker.bridge.get(),
            ),
            keep: self.tracker.keep.get(),
            stationary_after: self.tracker.stationary.get(),
            ..usual
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "scores are f32")]
fn score(ratio: Ratio) -> f32 {
    ratio.get() as f32
}

impl vigla_kit::Settings for Settings {
    fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        if self.labels.is_empty() {
            return Err(at.error("labels", "name at least one label to count"));
        }
        if !self.version.is_empty() && self.version.parse::<NonZeroU32>().is_err() {
            let message = format!(
                "`{}` is not a version: use a whole number from 1 in quotes, like \"1\", or \"\" for the newest",
                self.version
            );
            return Err(at.error("version", message));
        }
        labels::check_known(self, at)?;
        labels::check_counted(self, at)
    }

    fn notices(&self) -> Vec<String> {
        labels::unchecked(self).into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
