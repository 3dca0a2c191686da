//! The street clip, and the detector with the real model in front of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use vigla_testkit::Rig;
use vigla_vision::library::{FILE_NAME, FOLDERS};

use crate::bench::Bench;
use crate::camera::Script;

fn cache() -> PathBuf {
    #[allow(deprecated, reason = "wrong on Windows only; no device has it")]
    let home = std::env::home_dir().unwrap_or_default();
    home.join(".cache/vigla")
}

/// The inference library, or a failure that says what to do.
pub(crate) fn library() -> PathBuf {
    let cached = cache().join("onnxruntime-1.27.0");
    let folders = [cached.as_path()]
        .into_iter()
        .chain(FOLDERS.iter().map(Path::new));
    let mut paths = folders.map(|folder| folder.join(FILE_NAME));
    paths
        .find(|path| path.is_file())
        .expect("ONNX Runtime 1.27.0 is here; `cargo xtask test` installs it")
}

/// The clip where the camera's user can read it; empty when there is none.
pub(crate) fn shared(rig: &Rig) -> PathBuf {
    let clip = cache().join("clip/bikes.mp4");
    if clip.is_file() {
        rig.share(&clip).unwrap()
    } else {
        PathBuf::new()
    }
}

/// The frames of the clip as JPEG.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    let clip = std::env::var_os("VIGLA_TEST_CLIP").unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(clip);
    ffmpeg.args(["-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "3", "-"]);
    let bytes = ffmpeg.output().expect("ffmpeg is installed").stdout;
    let starts = |at: &usize| bytes[*at..].starts_with(&[0xff, 0xd8, 0xff]);
    let starts: Vec<_> = (0..bytes.len()).filter(starts).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let frames = starts.iter().zip(ends);
    frames
        .map(|(start, end)| bytes[*start..end].to_vec())
        .collect()
}

/// A grey picture of 640x272 pixels as JPEG.
pub(crate) fn grey() -> &'static [u8] {
    static GREY: OnceLock<Vec<u8>> = OnceLock::new();
    GREY.get_or_init(|| {
        let pixels = vec![128_u8; 640 * 272];
        let image = turbojpeg::Image {
            pixels: pixels.as_slice(),
            width: 640,
            pitch: 640,
            height: 272,
            format: turbojpeg::PixelFormat::GRAY,
        };
        let jpeg = turbojpeg::compress(image, 80, turbojpeg::Subsamp::Gray);
        jpeg.unwrap().to_vec()
    })
}

#[tokio::test]
async fn the_real_model_finds_cars_and_people_in_the_street() {
    let bench = Bench::start(Script::Clip, "").await;
    let mut records = bench.records().await;
    let busy = |record: &vigla_bus::detector::FrameDetections| {
        record.counts["person"] > 0 && record.counts["car"] > 0
    };
    let record = records.find(busy).await;
    assert_eq!(record.basis, "inferred");
    let car = record.objects.iter().find(|o| o.label == "car").unwrap();
    assert!(car.track > 0 && car.score > 0.2, "{car:?}");
    assert_eq!(record.counts["bus"], 0, "every counted label is there");
    let model = bench.detector.model().await.unwrap();
    assert_eq!(model.name, "cocossd-mnv2-300-int8");
    assert_eq!(model.digest.len(), 64);
    assert_eq!(bench.problems().await, []);
    // Counted at once, told when it has lasted.
    let mut events = Vec::new();
    for _ in 0..500 {
        if !events.is_empty() {
            break;
        }
        records.find(|_| true).await;
        events = bench.detector.list_events(0, 500).await.unwrap();
    }
    let reasons = &events[0].reasons;
    assert!(reasons["scores"].starts_with("0."), "{reasons:?}");
    assert!(["first", "motion", "linger", "cut"].contains(&reasons["gate"].as_str()));
}
