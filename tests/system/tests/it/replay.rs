//! `viglactl replay`: the street clip under other settings, by the programs as they are built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The folder of the programs.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

fn cache() -> PathBuf {
    std::env::home_dir()
        .unwrap_or_default()
        .join(".cache/vigla")
}

/// A temporary folder with no settings in force, and one file of others.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    #[allow(clippy::disallowed_methods, reason = "a file in a temporary folder")]
    fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn replay(&self, clip: &Path, settings: &str, more: &[&str]) -> Output {
        let with = self.file("other.toml", settings.as_bytes());
        let mut tool = Command::new(built().join("viglactl"));
        tool.args(["replay", "--json"])
            .arg(clip)
            .arg("--with")
            .arg(with);
        tool.arg("--config-dir").arg(self.0.path()).args(more);
        tool.output().unwrap()
    }

    /// The answer for the street clip; none where there is no clip or no library.
    fn street(&self, settings: &str) -> Option<Value> {
        let clip = cache().join("clip/bikes.mp4");
        if !clip.exists() || !cache().join("onnxruntime-1.27.0").exists() {
            vigla_testkit::skip("no clip or no ONNX Runtime: `cargo xtask test` fetches them");
            return None;
        }
        let output = self.replay(&clip, settings, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}

fn count(answer: &Value, list: &str) -> usize {
    answer[list].as_array().unwrap().len()
}

#[test]
fn the_same_settings_twice_make_no_difference_however_often() {
    let desk = Desk::new();
    let Some(first) = desk.street("") else { return };
    assert_eq!(
        (first["same"].as_bool(), count(&first, "only_a")),
        (Some(true), 0)
    );
    let pairs = first["both"].as_array().unwrap();
    assert!(!pairs.is_empty(), "something happens in the street");
    for pair in pairs {
        assert_eq!(pair["a"], pair["b"]);
        assert_eq!(pair["reasons"], serde_json::json!({}));
    }
    // Ten looks a second at ten seconds, and every event at a time of the clip.
    assert_eq!(
        (&first["a"]["frames"], &first["a"]["looks"]),
        (&250.into(), &101.into())
    );
    let last = pairs.last().unwrap()["a"]["time_seconds"].as_f64().unwrap();
    assert!((0.0..10.0).contains(&last), "{last}");
    assert_eq!(desk.street(""), Some(first), "it is deterministic");
}

#[test]
fn a_threshold_that_nothing_reaches_leaves_every_event_only_in_a() {
    let desk = Desk::new();
    let Some(answer) = desk.street("threshold = 1.0") else {
        return;
    };
    assert_eq!((count(&answer, "both"), count(&answer, "only_b")), (0, 0));
    assert_eq!(answer["b"]["events"], 0);
    assert_eq!(answer["a"]["events"], count(&answer, "only_a"));
    let kinds = answer["kinds"].as_array().unwrap();
    let arrivals = kinds.iter().find(|kind| kind["kind"] == "arrival").unwrap();
    assert_eq!(arrivals["b"], 0);
    assert!(arrivals["only_a"].as_u64() > Some(2), "{arrivals}");
}

#[test]
fn a_zone_is_told_apart_from_its_event_without_it() {
    let desk = Desk::new();
    let zone = "[camera.street.zones]\nleft = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]\n";
    let Some(answer) = desk.street(zone) else {
        return;
    };
    assert_eq!(answer["b"]["camera"], "street");
    assert_eq!(answer["a"]["events"], answer["b"]["events"]);
    let only_b = answer["only_b"].as_array().unwrap();
    assert!(!only_b.is_empty());
    for event in only_b {
        assert_eq!(event["zones"], serde_json::json!(["left"]));
    }
    for pair in answer["both"].as_array().unwrap() {
        let expected = serde_json::json!({ "zone left": ["", "outside"] });
        assert_eq!(pair["reasons"], expected);
    }
}

#[test]
fn a_picture_is_a_still_scene_and_a_mistake_is_said_with_its_place() {
    let desk = Desk::new();
    let picture = desk.0.path().join("grey.png");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "color=gray:size=320x240",
    ]);
    let made = ffmpeg.args(["-frames:v", "1"]).arg(&picture).status();
    assert!(made.unwrap().success());
    // The camera's pictures say themselves what they show; this one says nothing.
    let answer = desk.replay(&picture, "model = 'truth'", &[]);
    if answer.status.code() == Some(0) {
        let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(answer["b"]["unusable"], answer["b"]["looks"]);
    }
    for (settings, part) in [
        ("\nthreshold = 2", "other.toml` line 2: "),
        ("thresold = 1", "expected one of `model`"),
        ("labels = ['car', 'motorbike']", "`motorcycle`"),
        ("[gate]\nlinger = '2h'", "line 2"),
    ] {
        let (code, text) = said(&desk.replay(&picture, settings, &[]));
        assert_eq!(code, Some(78), "{settings}: {text}");
        assert!(text.contains(part), "{text}");
    }
    let (code, text) = said(&desk.replay(&picture, "[camera.front]", &["--camera", "back"]));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("they name front"), "{text}");
    let (code, text) = said(&desk.replay(&picture, "[camera.a]\n[camera.b]", &[]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`--camera`, one of a, b"), "{text}");
}

#[test]
fn what_is_no_clip_is_said_by_its_name() {
    let desk = Desk::new();
    let text = desk.file("text.txt", b"no picture");
    let noise = desk.file("lie.png", b"\x89PNG\r\n\x1a\n and then nothing");
    for (clip, why) in [
        (desk.0.path().join("none.mp4"), "No such file"),
        (desk.0.path().to_owned(), "it is a folder"),
        (text, "it is text"),
        (noise, "it is not a picture or video"),
    ] {
        let (code, said) = said(&desk.replay(&clip, "", &[]));
        assert!(said.contains(why) || code == Some(69), "{said}");
        assert_ne!(code, Some(0));
    }
}

#[test]
fn without_library_or_program_it_exits_69_and_says_what_is_missing() {
    let desk = Desk::new();
    let picture = desk.file("a.jpg", &[0xff, 0xd8, 0xff, 0xe0, 0]);
    let more = ["--library", "/nonexistent/libonnxruntime.so"];
    let (code, text) = said(&desk.replay(&picture, "", &more));
    assert_eq!(code, Some(69), "{text}");
    assert!(
        text.contains("`/nonexistent/libonnxruntime.so`") && text.contains("`--library`"),
        "{text}"
    );
    let alone = desk.0.path().join("viglactl");
    fs::copy(built().join("viglactl"), &alone).unwrap();
    let mut tool = Command::new(alone);
    let output = tool.args(["replay", "a.jpg", "--with", "b.toml"]).output();
    let (code, text) = said(&output.unwrap());
    assert_eq!(code, Some(69), "{text}");
    assert!(text.contains("`vigla-replay` is not installed"), "{text}");
}
