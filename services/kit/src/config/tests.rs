use std::collections::BTreeMap;
use std::fs::create_dir_all;

use serde::Deserialize;

use super::*;

crate::whole! {
    /// So many at once.
    Most(u16) = 1..=4096, "a number of things"
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    rate: Rate,
    pause: Span<100, MINUTE>,
    most: Most,
    on: bool,
    labels: Vec<String>,
    gate: Gate,
    camera: BTreeMap<String, Camera>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Gate {
    enabled: bool,
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
            most: Most::new(7).unwrap(),
            on: true,
            labels,
            gate: Gate::default(),
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
fn a_file_on_top_goes_over_all_fragments_and_is_named_in_errors() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sample.d");
    create_dir_all(&folder).unwrap();
    let (site, top) = (folder.join("zz.toml"), root.path().join("mine.toml"));
    crate::atomic::write(&site, b"rate = 5\npause = '3s'").unwrap();
    crate::atomic::write(&top, b"rate = 7").unwrap();
    let load = || load_under::<Sample>("sample", &[root.path().to_owned()], Some(&top));
    let settings = load().unwrap().settings;
    assert_eq!(
        (settings.rate.get(), settings.pause),
        (7.0, Span::from_secs(3))
    );
    crate::atomic::write(&top, b"\nlabels = ['tank']").unwrap();
    let said = load().unwrap_err().to_string();
    assert!(said.contains("mine.toml` line 2"), "{said}");
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
        (settings.rate.get(), settings.pause, settings.most.get()),
        (7.0, Span::from_secs(1), 7)
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
        ("rate = 0", "line 1", "a rate, 0.01 to 240 a second"),
        ("rate = nan", "line 1", "a rate, 0.01 to 240 a second"),
        ("rate = '5'", "line 1", "a rate, 0.01 to 240 a second"),
        ("pause = '5 parsecs'", "line 1", "\"100ms\" to \"1m\""),
        ("pause = '5'", "line 1", "\"100ms\" to \"1m\""),
        ("pause = '0s'", "line 1", "\"100ms\" to \"1m\""),
        ("pause = '61s'", "line 1", "\"100ms\" to \"1m\""),
        ("pause = 5", "line 1", "\"100ms\" to \"1m\""),
        (
            "most = 0",
            "line 1",
            "things, a whole number from 1 to 4096",
        ),
        ("most = -70000", "line 1", "a whole number from 1 to 4096"),
        ("most = 1.5", "line 1", "a whole number from 1 to 4096"),
        ("most = 'all'", "line 1", "a whole number from 1 to 4096"),
        ("on = 1", "line 1", "expected true or false"),
        ("labels = 'car'", "line 1", "expected a list"),
        ("labels = [1]", "line 1", "expected text in quotes"),
        ("camera = 1", "line 1", "expected a table"),
        ("gate = []", "line 1", "expected a table"),
        ("gate = [true]", "line 1", "expected a table"),
        ("[camera]\nfront = 1", "line 2", "expected a table"),
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
fn a_fragment_is_a_plain_file_or_a_mask() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sample.d");
    create_dir_all(&folder).unwrap();
    let places = [root.path().to_owned()];
    std::os::unix::fs::symlink("/dev/null", folder.join("10-default.toml")).unwrap();
    load::<Sample>("sample", &places).unwrap();
    let latin = folder.join("15-latin.toml");
    crate::atomic::write(&latin, b"\n# caf\xe9\n").unwrap();
    let error = load::<Sample>("sample", &places).unwrap_err().to_string();
    assert!(
        error.contains("15-latin.toml` line 2: this is not text in UTF-8"),
        "{error}"
    );
    std::fs::remove_file(latin).unwrap();
    let pipe = folder.join("20-pipe.toml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = load::<Sample>("sample", &places).unwrap_err();
    let said = vigla_bus::chain(&error);
    assert!(
        said.contains("20-pipe.toml`: it is not a plain file"),
        "{said}"
    );
}

/// A camera must have a source; one file may name it and another the rest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Strict {
    camera: BTreeMap<String, Sourced>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sourced {
    source: String,
    #[serde(default)]
    label: String,
}

impl Settings for Strict {}

fn load_strict(files: &[&str]) -> Result<Strict, ConfigError> {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sample.d");
    create_dir_all(&folder).unwrap();
    for (n, text) in files.iter().enumerate() {
        crate::atomic::write(&folder.join(format!("{n}.toml")), text.as_bytes()).unwrap();
    }
    load("sample", &[root.path().to_owned()]).map(|loaded| loaded.settings)
}

#[test]
fn what_one_file_lacks_another_may_hold() {
    let source = "[camera.front]\nsource = 'x'";
    let label = "\n[camera.front]\nlabel = 'y'";
    for files in [[source, label], [label, source]] {
        assert_eq!(load_strict(&files).unwrap().camera["front"].label, "y");
    }
    let error = load_strict(&[label, "[camera.back]\nsource = 'x'"]).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("0.toml` line 2: missing field `source`"),
        "{error}"
    );
}

#[test]
fn what_is_shown_loads_again() {
    let shown = show(&Sample::default()).unwrap();
    assert_eq!(
        load_files(&[("etc/sample.d/1.toml", &shown)]).unwrap(),
        Sample::default()
    );
}
