use std::path::Path;

use vigla_testkit::{Wrong, refusals};

use super::*;

const MANUAL: &str = include_str!("../../dist/usr/lib/vigla/camera.d/10-default.toml");

#[test]
fn the_manual_is_the_default_and_names_every_key() {
    let manual: Settings = toml::from_str(MANUAL).unwrap();
    assert_eq!(manual, Settings::default());
    let shown = toml::to_string(&Settings::default()).unwrap();
    let keys = shown.lines().filter_map(|line| line.split_once(" = "));
    for (key, _) in keys {
        assert!(MANUAL.contains(&format!("{key} = ")), "{key}");
    }
    for key in ["source", "label", "credentials", "size", "rate", "masks"] {
        assert!(MANUAL.contains(&format!("#{key} = ")), "{key}");
    }
}

#[test]
fn reads_every_kind_of_source() {
    let text = r#"
        [camera.front]
        source = "usb:046d:0825"
        masks = [[[0, 0], [0.5, 0], [0, 0.5]]]
        [camera.door]
        source = "/dev/video2"
        [camera.clip]
        source = "/srv/street.mp4"
        size = "640x360"
        [camera.gate]
        source = "rtsp://10.0.0.9/live"
        credentials = "/etc/vigla/gate.credentials"
        [camera.demo]
        source = "synthetic"
    "#;
    let settings: Settings = toml::from_str(text).unwrap();
    let kinds: Vec<_> = settings.camera.values().map(|c| c.source.kind()).collect();
    assert_eq!(kinds, ["replay", "synthetic", "v4l2", "v4l2", "rtsp"]);
    assert!(!settings.takes_unnamed());
}

/// The whole error of a camera daemon with these settings, if there is one.
fn load(root: &Path) -> Option<String> {
    let loaded = vigla_kit::config::load::<Settings>("camera", &[root.to_owned()]);
    loaded.err().map(|error| error.to_string())
}

const SIZE: &str = "a size like \"1280x720\": two even numbers, 16 to 8192";
const RATE: &str = "a rate, 0.01 to 240 a second";
const SOURCE: &str = "valid are `synthetic`, `usb:SERIAL`";
const MASKS: &str = "a list of 3 to 64 corners [x, y], each number 0.0 to 1.0";

/// Each key, what may not stand there, and what the answer names.
const WRONGS: [Wrong<'_>; 24] = [
    (
        "auto",
        &["'maybe'", "true", "1"],
        "\"if-none-named\", \"always\" or \"never\"",
    ),
    (
        "size",
        &["'wide'", "'10x10'", "'641x360'", "640", "[640, 360]"],
        SIZE,
    ),
    ("rate", &["0", "-1", "1e-300", "241", "inf", "'15'"], RATE),
    (
        "quality",
        &["0", "101", "8.5", "'high'"],
        "a JPEG quality, a whole number from 1 to 100",
    ),
    (
        "frozen_after",
        &["'25h'", "'20'", "20", "false"],
        "\"0s\" to \"1day\"",
    ),
    ("camera", &["'front'", "[]"], "a table"),
    (
        "camera.Front",
        &["{ source = 'synthetic' }"],
        "up to 40 lower-case letters",
    ),
    ("camera.front", &["'synthetic'"], "a table"),
    (
        "camera.front",
        &["{ label = 'x' }"],
        "missing field `source`",
    ),
    (
        "camera.front.source",
        &["'street.mp4'", "''", "0", "[]"],
        SOURCE,
    ),
    ("camera.front.source", &["'rtsp://u:p@h/x'"], "credentials"),
    (
        "camera.front.source",
        &["'usb:'"],
        "serial number, a port path or vendor:product",
    ),
    ("camera.front.label", &["5"], "text in quotes"),
    ("camera.front.credentials", &["5"], "a path in quotes"),
    ("camera.front.size", &["'1x1'", "5"], SIZE),
    ("camera.front.rate", &["0", "'5'"], RATE),
    (
        "camera.front.masks",
        &["[[[0, 0], [1, 1]]]", "[[[0, 0], [2, 1], [0, 1]]]"],
        MASKS,
    ),
    (
        "camera.front.masks",
        &["[[[0, 'a'], [1, 1], [0, 1]]]", "[[0, 1, 0]]", "['x']"],
        MASKS,
    ),
    ("camera.front.masks", &["'all'"], "a list in brackets"),
    (
        "camera.front.fps",
        &["3"],
        "unknown field `fps`, expected one of `source`",
    ),
    ("kernel.sysfs", &["5"], "a path in quotes"),
    ("kernel.dev", &["5"], "a path in quotes"),
    ("kernel.uevents", &["false"], "a path in quotes"),
    (
        "sizes",
        &["'1x1'"],
        "unknown field `sizes`, expected one of `auto`, `size`",
    ),
];

#[test]
fn every_wrong_value_is_told_with_its_line_and_what_is_right() {
    let shown = vigla_kit::config::show(&Settings::default()).unwrap();
    let amiss = refusals("camera", &shown, &WRONGS, load);
    assert_eq!(amiss.unwrap(), Vec::<String>::new());
}

#[test]
fn only_a_network_camera_has_credentials() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("camera.d/50-site.toml");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let text = "[camera.front]\nsource = 'synthetic'\ncredentials = '/x'";
    vigla_kit::atomic::write(&file, text.as_bytes()).unwrap();
    let said = load(root.path()).unwrap();
    assert!(said.contains("line 3: only a network camera"), "{said}");
}
