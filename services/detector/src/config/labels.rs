//! Labels that the model lacks, or that nobody counts, are errors with a place and close names.

use vigla_bus::chain;
use vigla_kit::{ConfigError, Locator};
use vigla_vision::catalogue::FindError;
use vigla_vision::{Catalogue, Labels};

use super::{AUTO, Settings};

/// Thresholds of labels that are not counted would silently do nothing.
pub(super) fn check_counted(settings: &Settings, at: &Locator) -> Result<(), ConfigError> {
    for (key, label) in thresholds(settings) {
        if !settings.labels.contains(label) {
            let message = format!(
                "`{label}` is not counted; counted labels: {}",
                settings.labels.join(", ")
            );
            return Err(at.error(&key, message));
        }
    }
    Ok(())
}

/// Every counted label must be a word, once, and one of the model's if its words are at hand.
pub(super) fn check_known(settings: &Settings, at: &Locator) -> Result<(), ConfigError> {
    for (index, label) in settings.labels.iter().enumerate() {
        let wrong = |text: String| Err(at.error(&format!("labels.{index}"), text));
        if label.trim().is_empty() {
            return wrong(String::from("a label is not empty"));
        }
        if settings.labels[..index].contains(label) {
            return wrong(format!("`{label}` stands there twice"));
        }
    }
    let Words::Known(known) = words(settings, at)? else {
        return Ok(());
    };
    for (index, label) in settings.labels.iter().enumerate() {
        if let Err(unknown) = known.check(label) {
            return Err(at.error(&format!("labels.{index}"), unknown.to_string()));
        }
    }
    Ok(())
}

/// Why the labels could not be checked, if so.
pub(super) fn unchecked(settings: &Settings) -> Option<String> {
    match words(settings, &Locator::default()) {
        Ok(Words::Unknown(why)) => Some(format!("labels not checked: {why}")),
        Ok(Words::Known(_) | Words::Free) | Err(_) => None,
    }
}

/// What is known of the words of the configured model.
enum Words {
    /// These.
    Known(Labels),
    /// There is no model, and the truth of a synthetic picture uses any word.
    Free,
    /// Nothing, and why.
    Unknown(String),
}

/// A model that is named, or its version, and is not there although others are, is a mistake; a
/// node without any model yet is none, and neither is a damaged one.
fn words(settings: &Settings, at: &Locator) -> Result<Words, ConfigError> {
    let Some(name) = settings.engine_model() else {
        return Ok(Words::Free);
    };
    let catalogue = Catalogue::scan(&settings.model_dirs);
    let error = match catalogue.find(name, &settings.version) {
        Ok(manifest) => return Ok(Words::Known(manifest.labels.clone())),
        Err(error) => error,
    };
    if let Some(refused) = catalogue.refusal(name) {
        let why = chain(&refused.error);
        let text = format!("model `{name}` cannot be used: {why}");
        return Ok(Words::Unknown(text));
    }
    match error {
        FindError::Name { .. } if settings.model != AUTO => {
            let text = format!("{error}; valid are `auto` and `truth` too");
            Err(at.error("model", text))
        }
        FindError::Version { .. } => Err(at.error("version", error.to_string())),
        FindError::Name { .. } | FindError::Nothing { .. } => Ok(Words::Unknown(error.to_string())),
    }
}

/// The key and label of every threshold for a single label.
fn thresholds(settings: &Settings) -> impl Iterator<Item = (String, &String)> {
    let global = settings.thresholds.keys();
    let global = global.map(|label| (format!("thresholds.{label}"), label));
    let cameras = settings.camera.iter().flat_map(|(id, camera)| {
        let labels = camera.thresholds.keys();
        labels.map(move |label| (format!("camera.{id}.thresholds.{label}"), label))
    });
    global.chain(cameras)
}
