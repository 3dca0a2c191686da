use std::path::{Path, PathBuf};

use vigla_kit::config::load;

use super::*;

const MANUAL: &str = include_str!("../../dist/usr/lib/vigla/detector.d/10-default.toml");

fn load_text(text: &str) -> Result<Settings, ConfigError> {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("detector.d");
    std::fs::create_dir_all(&folder).unwrap();
    vigla_kit::atomic::write(&folder.join("50-site.toml"), text.as_bytes()).unwrap();
    load("detector", &[root.path().to_owned()]).map(|loaded| loaded.settings)
}

fn refused(text: &str) -> String {
    load_text(text).unwrap_err().to_string()
}

/// The models of the repository, as a setting.
fn with_models(text: &str) -> String {
    let models: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    format!("model_dirs = [{:?}]\n{text}", models.display().to_string())
}

#[test]
fn the_manual_is_the_default() {
    assert_eq!(load_text(MANUAL).unwrap(), Settings::default());
}

#[test]
fn the_manual_names_every_key() {
    let shown = toml::Table::try_from(Settings::default()).unwrap();
    let manual: toml::Table = MANUAL.parse().unwrap();
    assert_eq!(shown, manual);
}

#[test]
fn the_examples_in_the_manual_load() {
    let examples: String = MANUAL
        .lines()
        .filter_map(|line| line.strip_prefix("#| "))
        .flat_map(|line| [line, "\n"])
        .collect();
    let settings = load_text(&examples).unwrap();
    let front = settings.camera("front");
    assert_eq!(front.zones["pavement"].corners().len(), 4);
    assert!(front.lines.contains_key("gate"));
}

#[test]
fn unknown_keys_units_and_ranges_name_the_line() {
    for (text, expected) in [
        ("\nfps = 5", "line 2: unknown field `fps`"),
        ("rate = 0", "above 0"),
        ("threshold = 60", "0.0 to 1.0"),
        ("[gate]\nlinger = 3", "line 2"),
        (
            "[camera.front.zones]\na = [[0.1, 0.1]]",
            "at least 3 corners",
        ),
        (
            "[camera.front.lines]\na = [[0, 0], [1, 2]]",
            "must be 0 to 1",
        ),
        ("[camera.front.lines]\na = [[0, 0], [0, 0]]", "are the same"),
        ("labels = []", "at least one label"),
        ("[tracker]\nconfirm = 0", "line 2"),
        ("[thresholds]\ndog = 0.5", "`dog` is not counted"),
        (
            "[camera.front.thresholds]\ndog = 0.5",
            "line 2: `dog` is not counted",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_label_that_the_model_lacks_lists_close_names() {
    let error = refused(&with_models("labels = [\n  'car',\n  'motorbike',\n]"));
    assert!(error.contains("line 4"), "{error}");
    assert!(error.contains("`motorcycle`"), "{error}");
}

#[test]
fn labels_of_a_model_that_is_not_there_are_checked_later() {
    assert!(load_text("model_dirs = []\nlabels = ['motorbike']").is_ok());
    assert!(load_text(&with_models("model = 'truth'\nlabels = ['robot']")).is_ok());
}

#[test]
fn the_nearest_threshold_wins() {
    let settings = load_text(
        "threshold = 0.5\nthresholds = { car = 0.6, bus = 0.7 }\n\
         [camera.front]\nthreshold = 0.3\nthresholds = { car = 0.2 }",
    )
    .unwrap();
    let percent = |camera: &str| {
        let camera = settings.camera(camera);
        ["car", "bus", "person"].map(|label| (settings.threshold(&camera, label) * 100.0).round())
    };
    assert_eq!(percent("front").map(|p| p.to_string()), ["20", "30", "30"]);
    assert_eq!(percent("yard").map(|p| p.to_string()), ["60", "70", "50"]);
}
