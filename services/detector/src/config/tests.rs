use std::path::{Path, PathBuf};

use vigla_kit::config::load;
use vigla_testkit::{Wrong, refusals};

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

const SHARE: &str = "a share, 0.0 to 1.0";
const CORNERS: &str = "a list of 3 to 64 corners [x, y], each number 0.0 to 1.0";
const ENDS: &str = "a list of two points [x, y], each number 0.0 to 1.0";

/// Each key, what may not stand there, and what the answer names.
const WRONGS: [Wrong<'_>; 39] = [
    (
        "keep_pictures",
        &["'30s'", "'31days'", "5"],
        "\"1m\" to \"30days\"",
    ),
    ("model", &["5", "true"], "text in quotes"),
    ("version", &["1"], "text in quotes"),
    (
        "version",
        &["'newest'", "'0'", "'-1'"],
        "a whole number from 1 in quotes",
    ),
    ("library", &["5"], "a path in quotes"),
    ("model_dirs", &["'/usr'"], "a list in brackets"),
    ("model_dirs", &["[5]"], "a path in quotes"),
    (
        "threads",
        &["-1", "65", "1.5", "'all'"],
        "threads, a whole number from 0 to 64",
    ),
    (
        "rate",
        &["0", "241", "'10'"],
        "a rate, 0.01 to 240 a second",
    ),
    ("labels", &["'car'", "{}"], "a list in brackets"),
    ("labels", &["[]"], "name at least one label"),
    ("labels", &["['car', 5]"], "text in quotes"),
    ("labels", &["['']"], "a label is not empty"),
    ("labels", &["['car', 'car']"], "`car` stands there twice"),
    ("threshold", &["60", "-0.1", "nan", "'0.5'", "[]"], SHARE),
    ("thresholds", &["0.5"], "a table"),
    ("thresholds.car", &["2", "'x'"], SHARE),
    ("thresholds.dog", &["0.5"], "counted labels: person, car"),
    ("gate", &["true"], "a table"),
    ("gate.enabled", &["0", "'no'"], "true or false"),
    ("gate.area", &["1.01", "'1%'"], SHARE),
    ("gate.contrast", &["14", "false"], SHARE),
    ("gate.linger", &["'2h'", "3", "'3'"], "\"0s\" to \"1h\""),
    ("gate.calm", &["'2h'", "3"], "\"0s\" to \"1h\""),
    ("gate.interval", &["'2m'", "350"], "\"0s\" to \"1m\""),
    ("gate.heartbeat", &["'0s'", "10"], "\"100ms\" to \"1h\""),
    ("tracker.low_threshold", &["2", "'x'"], SHARE),
    (
        "tracker.confirm",
        &["0", "101", "-3", "'3'"],
        "detections, a whole number from 1 to 100",
    ),
    ("tracker.bridge", &["'2m'", "1.5"], "\"0s\" to \"1m\""),
    ("tracker.keep", &["'11m'", "3"], "\"0s\" to \"10m\""),
    (
        "tracker.stationary",
        &["'0s'", "'2h'", "10"],
        "\"1s\" to \"1h\"",
    ),
    ("camera.front.threshold", &["40", "'x'"], SHARE),
    (
        "camera.front.thresholds.dog",
        &["0.5"],
        "`dog` is not counted",
    ),
    (
        "camera.front.zones.a",
        &["'left'", "[['x', 0]]", "[[0.1]]", "[0.1, 0.2]"],
        CORNERS,
    ),
    (
        "camera.front.zones.a",
        &["[[0.1, 0.1]]"],
        "at least 3 corners",
    ),
    ("camera.front.lines.a", &["5", "[[0, 0], 'x']"], ENDS),
    (
        "camera.front.lines.a",
        &["[[0, 0], [1, 2]]"],
        "must be 0 to 1",
    ),
    (
        "camera.front.lines.a",
        &["[[0, 0], [0, 0]]"],
        "are the same",
    ),
    (
        "fps",
        &["5"],
        "unknown field `fps`, expected one of `model`",
    ),
];

#[test]
fn every_wrong_value_is_told_with_its_line_and_what_is_right() {
    let shown = vigla_kit::config::show(&Settings::default()).unwrap();
    let amiss = refusals("detector", &shown, &WRONGS, |root| {
        let loaded = load::<Settings>("detector", &[root.to_owned()]);
        loaded.err().map(|error| error.to_string())
    });
    assert_eq!(amiss.unwrap(), Vec::<String>::new());
}

#[test]
fn a_label_that_the_model_lacks_lists_close_names() {
    let error = refused(&with_models("labels = [\n  'car',\n  'motorbike',\n]"));
    assert!(error.contains("line 4"), "{error}");
    assert!(error.contains("`motorcycle`"), "{error}");
}

#[test]
fn labels_of_a_model_that_is_not_there_are_checked_later_and_that_is_said() {
    let notices = |text: &str| vigla_kit::Settings::notices(&load_text(text).unwrap());
    let said =
        notices("model_dirs = ['/nonexistent/models']\nmodel = 'nosuch'\nlabels = ['motorbike']");
    let expected = "labels not checked: no model is installed in `/nonexistent/models`";
    assert_eq!(said, [expected]);
    let truth = with_models("model = 'truth'\nlabels = ['robot']");
    assert_eq!(notices(&truth), [""; 0]);
    assert_eq!(notices(&with_models("")), [""; 0]);
}

#[test]
fn a_model_that_is_not_among_those_installed_lists_them() {
    let error = refused(&with_models("model = 'cocossd'"));
    assert!(
        error.contains("setting `model` in `") && error.contains("line 2: no model `cocossd`"),
        "{error}"
    );
    for part in [
        "close names: `cocossd-mnv2-300-",
        "there are `cocossd-mnv2-300-",
        "valid are `auto` and `truth` too",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let error = refused(&with_models("version = '7'"));
    assert!(
        error.contains("line 2") && error.contains("no version `7`; it has 1"),
        "{error}"
    );
}

#[test]
fn a_damaged_model_is_no_mistake_of_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mine/1");
    std::fs::create_dir_all(&folder).unwrap();
    vigla_kit::atomic::write(&folder.join("manifest.toml"), b"").unwrap();
    let settings = load_text(&format!(
        "model = 'mine'\nmodel_dirs = [{:?}]",
        dir.path().display().to_string()
    ));
    let said = vigla_kit::Settings::notices(&settings.unwrap());
    assert!(
        said[0].starts_with("labels not checked: model `mine` cannot be used: "),
        "{said:?}"
    );
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
