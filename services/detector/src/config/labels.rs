//! Labels that the model lacks, or that nobody counts, are errors with a place and close names.

use vigla_kit::{ConfigError, Locator};
use vigla_vision::{Catalogue, Labels};

use super::Settings;

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

/// Every counted label must be one of the model's, if its label file is at hand.
pub(super) fn check_known(settings: &Settings, at: &Locator) -> Result<(), ConfigError> {
    let Some(labels) = installed_labels(settings) else {
        return Ok(());
    };
    for (index, label) in settings.labels.iter().enumerate() {
        if let Err(unknown) = labels.check(label) {
            return Err(at.error(&format!("labels.{index}"), unknown.to_string()));
        }
    }
    Ok(())
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

fn installed_labels(settings: &Settings) -> Option<Labels> {
    let name = settings.engine_model()?;
    let catalogue = Catalogue::scan(&settings.model_dirs);
    let manifest = catalogue.find(name, &settings.version).ok()?;
    Some(manifest.labels.clone())
}
