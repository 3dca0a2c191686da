use std::collections::BTreeMap;
use std::fs::create_dir_all;

use serde::Deserialize;

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    rate: Rate,
    pause: Span,
    labels: Vec<String>,
    camera: BTreeMap<String, Camera>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Camera {
    threshold: Option<Ratio>,
    url: String,
}

impl Default for Sample {
    fn default() -> Self {
        let labels = vec!["car".to_owned()];
        Self {
            rate: Rate::new(10.0).unwrap(),
            pause: Span::from_secs(1),
            labels,
            camera: BTreeMap::default(),
        }
    }
}

impl Settings for Sample {
    fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        match self.labels.iter().position(|l| l == "tank") {
            Some(i) => Err(at.error(
                &format!("labels.{i}"),
                "no label `tank`; did you mean `train`?",
            )),
            None => Ok(()),
        }
    }
}

/// Lays out `files` (path below the place, text) in two places and loads them.
fn load_files(files: &[(&str, &str)]) -> Result<Sample, ConfigError> {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        create_dir_all(path.parent().unwrap()).unwrap();
        crate::atomic::write(&path, text.as_bytes()).unwrap();
    }
    let places = [root.path().join("usr"), root.path().join("etc")];
    load("sample", &places).map(|loaded| loaded.settings)
}

#[test]
fn no_file_means_the_default() {
    assert_eq!(load_files(&[]).unwrap(), Sample::default());
}

#[test]
fn later_fragments_replace_values_and_merge_tables() {
    let settings = load_files(&[
        (
            "usr/sample.d/10-default.toml",
            "rate = 5\nlabels = ['a', 'b']\n[camera.front]\nurl = 'x'",
        ),
        (
            "etc/sample.d/50-site.toml",
            "labels = ['c']\n[camera.front]\nthreshold = 0.5",
        ),
    ])
    .unwrap();
    assert_eq!(Some(settings.rate), Rate::new(5.0));
    assert_eq!(settings.labels, ["c"]);
    assert_eq!(
        settings.camera["front"],
        Camera {
            threshold: Ratio::new(0.5),
            url: "x".into()
        }
    );
}

#[test]
fn a_file_of_the_same_name_masks_the_earlier_one() {
    let settings = load_files(&[
        ("usr/sample.d/10-default.toml", "rate = 5\npause = '3s'"),
        ("etc/sample.d/10-default.toml", "rate = 7"),
        ("etc/sample.d/ignored.txt", "rate = 9"),
    ])
    .unwrap();
    assert_eq!(
        (settings.rate.get(), settings.pause),
        (7.0, Span::from_secs(1))
    );
}

#[test]
fn errors_name_file_line_and_choices() {
    let cases = [
        (
            "\n\nrat = 5",
            "line 3",
            "unknown field `rat`, expected one of `rate`",
        ),
        ("rate = 0", "line 1", "above 0, at most 240"),
        ("pause = '5 parsecs'", "line 1", "is not a length of time"),
        ("pause = 5", "line 1", "expected a string"),
        ("[camera.front]\nthreshold = 1.5", "line 2", "0.0 to 1.0"),
        ("rate = ", "line 1", ""),
        (
            "labels = ['car',\n'tank']",
            "line 2",
            "did you mean `train`",
        ),
    ];
    for (text, line, message) in cases {
        let error = load_files(&[("etc/sample.d/50-site.toml", text)])
            .unwrap_err()
            .to_string();
        assert!(error.contains("50-site.toml"), "{error}");
        assert!(error.contains(line), "{text:?}: {error}");
        assert!(error.contains(message), "{text:?}: {error}");
    }
}

#[test]
fn what_is_shown_loads_again() {
    let shown = show(&Sample::default()).unwrap();
    assert_eq!(
        load_files(&[("etc/sample.d/1.toml", &shown)]).unwrap(),
        Sample::default()
    );
}
