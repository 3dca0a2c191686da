//! `viglactl detect` with the real model, where ONNX Runtime is at hand (`cargo xtask` fetches it).

use std::path::PathBuf;
use std::process::Command;

use super::material::{ffmpeg, lay_out, library, text};
use super::tool::{Said, run};

#[test]
fn without_a_library_it_exits_69_and_says_where_it_looked() {
    let said = run(&["detect", "x.jpg", "--library", "/nonexistent/lib.so"]);
    assert_eq!((said.code, said.out.as_str()), (69, ""));
    assert!(
        said.err.contains("`/nonexistent/lib.so`") && said.err.contains("--library"),
        "{}",
        said.err
    );
    let said = run(&["detect", "x.jpg", "--library", "/etc/hostname"]);
    assert_eq!(said.code, 69, "{}", said.err);
}

#[test]
fn bad_files_are_said_one_by_one_and_the_others_go_on() {
    if library().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    lay_out(dir.path());
    let names = [
        "good.jpg",
        "short.jpg",
        "head.jpg",
        "text.txt",
        "good.png",
        "empty.mp4",
        "lie.png",
        "none.jpg",
        "good.avi",
    ];
    let files: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
    let mut arguments = vec!["detect", "--json", "--rate", "5"];
    arguments.extend(files.iter().map(|file| text(file)));
    let said = run(&arguments);
    assert_eq!(said.code, 1);
    let answers = said.json();
    assert_eq!(answers.len(), names.len(), "one answer per file, in order");
    for (name, answer) in names.iter().zip(&answers) {
        assert!(answer["file"].as_str().unwrap().ends_with(name), "{answer}");
        assert_eq!(
            answer["error"].is_null(),
            name.starts_with("good"),
            "{answer}"
        );
        assert_eq!(
            answer["objects"].is_array(),
            name.starts_with("good"),
            "{answer}"
        );
    }
    assert_eq!(said.err.lines().count(), 6, "{}", said.err);
    assert_eq!(
        (&answers[0]["width"], &answers[4]["kind"]),
        (&320.into(), &"picture".into())
    );
    assert_eq!(
        (
            &answers[8]["kind"],
            answers[8]["frames"].as_array().unwrap().len()
        ),
        (&"video".into(), 5)
    );
}

#[test]
fn annotated_pictures_and_videos_are_written_where_they_were_asked_for() {
    if library().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=322x241",
            "-frames:v",
            "1",
        ],
        &at("a.jpg"),
    );
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240:duration=2",
            "-c:v",
            "mpeg4",
        ],
        &at("a.avi"),
    );
    let said = run(&[
        "detect",
        text(&at("a.jpg")),
        "--annotate",
        text(&at("drawn.jpg")),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        std::fs::read(at("drawn.jpg"))
            .unwrap()
            .starts_with(&[0xff, 0xd8])
    );
    let said = run(&[
        "detect",
        text(&at("a.jpg")),
        text(&at("a.avi")),
        "--annotate",
        text(&at("out")),
        "--rate",
        "4",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(at("out/a.jpg").exists());
    let probe = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_packets",
            "-show_entries",
            "stream=nb_read_packets,r_frame_rate",
            "-of",
            "csv=p=0",
        ])
        .arg(at("out/a.avi"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&probe.stdout).trim(), "4/1,8");
    let said = run(&[
        "detect",
        text(&at("a.jpg")),
        "--annotate",
        text(&at("a.jpg")),
    ]);
    assert_eq!(
        said.code, 2,
        "its own file is not overwritten: {}",
        said.err
    );
}

#[test]
fn only_plain_files_are_read_and_nobody_is_waited_for() {
    if library().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let made = Command::new("mkfifo").arg(at("pipe")).status();
    assert!(made.unwrap().success(), "mkfifo");
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    std::os::unix::fs::symlink(at("pipe"), at("link")).unwrap();
    for (file, why) in [
        (at("pipe"), "it is a pipe, not a plain file"),
        (at("link"), "it is a pipe, not a plain file"),
        (at("socket"), "it is a socket, not a plain file"),
        (at("."), "it is a folder, not a plain file"),
        ("/dev/zero".into(), "it is a device, not a plain file"),
        ("-".into(), "standard input is not read: name a file"),
    ] {
        let said = run(&["detect", text(&file)]);
        assert_eq!((said.code, said.out.as_str()), (1, ""));
        assert!(said.err.ends_with(&format!(": {why}\n")), "{}", said.err);
    }
}

#[test]
fn the_reason_is_the_cause_and_not_what_followed_from_it() {
    if library().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path());
    let tone = ["-f", "lavfi", "-i", "sine=duration=1"];
    ffmpeg(&tone, &dir.path().join("sound.wav"));
    let nothing = "it is not a picture or video, or it is damaged";
    for (name, why) in [
        ("text.txt", "it is text, not a picture or a video"),
        ("lie.png", nothing),
        ("empty.mp4", "it is empty"),
        ("sound.wav", "there is no picture in it, only sound or data"),
    ] {
        let said = run(&["detect", text(&dir.path().join(name))]);
        assert!(
            said.err.ends_with(&format!("{name}: {why}\n")),
            "{}",
            said.err
        );
    }
}

#[test]
fn without_any_model_it_says_where_it_looked_and_what_to_do() {
    if library().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let said = run(&["detect", "x.jpg", "--models", text(dir.path())]);
    assert_eq!(said.code, 1);
    let looked = format!("no model is installed in `{}`", text(dir.path()));
    assert!(said.err.contains(&looked), "{}", said.err);
    assert!(said.err.contains("`--models`"), "{}", said.err);
}

#[test]
fn an_unknown_model_lists_those_there_are() {
    if library().is_none() {
        return;
    }
    let said = run(&["detect", "x.jpg", "--model", "yolo"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("no model `yolo`; there are `cocossd-"),
        "{}",
        said.err
    );
}

#[test]
fn a_damaged_model_is_said_with_its_reason() {
    if library().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cocossd-mnv2-300-int8/1");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::File::create(folder.join("manifest.toml")).unwrap();
    let said = run(&["detect", "x.jpg", "--models", text(dir.path())]);
    assert_eq!(said.code, 1);
    let expected = "viglactl: model `cocossd-mnv2-300-int8` cannot be used: ";
    assert!(said.err.starts_with(expected), "{}", said.err);
}

/// The street clip that `cargo xtask run` fetches: cars, cyclists and pedestrians in a city.
#[test]
fn finds_cars_and_people_in_the_street_clip() {
    let clip = std::env::home_dir()
        .unwrap_or_default()
        .join(".cache/vigla/clip/bikes.mp4");
    if library().is_none() {
        return;
    }
    if !clip.exists() {
        vigla_testkit::skip("no clip: `cargo xtask test` fetches it");
        return;
    }
    let said: Said = run(&["detect", "--json", text(&clip)]);
    let answer = &said.json()[0];
    let best = |label: &str| -> f64 {
        let objects = answer["objects"].as_array().unwrap().iter();
        objects
            .filter(|o| o["label"] == label)
            .filter_map(|o| o["score"].as_f64())
            .fold(0.0, f64::max)
    };
    assert!(best("person") > 0.7 && best("car") > 0.6, "{answer}");
    assert_eq!(answer["frames"].as_array().unwrap().len(), 100);
}
