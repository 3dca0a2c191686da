use vigla_vision::engine::ModelError;
use vigla_vision::picture::{Decoder, decode_rgb};
use vigla_vision::{Engine, InferError, Manifest, Model, Picture};

use crate::assets;

fn count(engine: &mut Engine, picture: &Picture, label: &str, score: f32) -> usize {
    let detections = engine.infer(picture).unwrap();
    let hits = detections
        .iter()
        .filter(|detection| &*detection.label == label && detection.score >= score);
    hits.count()
}

#[test]
fn finds_cars_and_people_on_a_real_street() {
    let mut engine = assets::engine(1);
    let picture = decode_rgb(&assets::clip()[30]).unwrap();
    assert!(count(&mut engine, &picture, "person", 0.5) >= 1);
    for found in engine.infer(&picture).unwrap() {
        println!(
            "{} {:.2} {:?}",
            found.label,
            found.score,
            found.bounds.to_array()
        );
        assert!((0.1..=1.0).contains(&found.score));
    }
    let traffic = &assets::clip()[30..55];
    let with_car = traffic
        .iter()
        .filter(|jpeg| count(&mut engine, &decode_rgb(jpeg).unwrap(), "car", 0.5) >= 1)
        .count();
    assert!(with_car >= 18, "{with_car} of {}", traffic.len());
}

#[test]
fn a_smaller_decode_finds_the_same_large_objects() {
    let mut engine = assets::engine(1);
    let mut decoder = Decoder::new().unwrap();
    let (mut whole, mut scaled) = (Picture::default(), Picture::default());
    let jpeg = enlarged(&decode_rgb(&assets::clip()[30]).unwrap());
    let frame = vigla_vision::picture::Frame {
        format: vigla_vision::picture::Format::Jpeg,
        width: 0,
        height: 0,
        bytes: &jpeg,
    };
    decoder.decode_whole(&frame, &mut whole).unwrap();
    decoder.decode(&frame, (300, 300), &mut scaled).unwrap();
    assert!(scaled.width < whole.width);
    assert_eq!(
        count(&mut engine, &whole, "person", 0.6),
        count(&mut engine, &scaled, "person", 0.6)
    );
}

/// The picture at three times its size, as JPEG.
fn enlarged(picture: &Picture) -> Vec<u8> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut rgb = Vec::with_capacity(width * height * 27);
    for row in (0..height * 3).map(|row| row / 3) {
        for column in (0..width * 3).map(|column| column / 3) {
            let at = (row * width + column) * 3;
            rgb.extend_from_slice(&picture.rgb[at..at + 3]);
        }
    }
    let image = turbojpeg::Image {
        pixels: rgb.as_slice(),
        width: width * 3,
        pitch: width * 9,
        height: height * 3,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Sub2x2)
        .unwrap()
        .to_vec()
}

#[test]
fn optional_models_find_people_too() {
    assets::library();
    for (name, file) in [
        ("cocossd-mnv2-300-fp32", "cocossd_mnv2_300_fp32.onnx"),
        ("nanodet-g-416-int8", "nanodet_g_416_int8.onnx"),
        ("nanodet-g-416-fp32", "nanodet_g_416_fp32.onnx"),
    ] {
        let Some(manifest) = assets::optional_model(name, file) else {
            continue;
        };
        let mut engine = Engine::open(&manifest, 1).unwrap();
        let picture = decode_rgb(&assets::clip()[30]).unwrap();
        let detections = engine.infer(&picture).unwrap();
        for found in detections.iter().filter(|found| found.score > 0.3) {
            println!(
                "{name}: {} {:.2} {:?}",
                found.label,
                found.score,
                found.bounds.to_array()
            );
        }
        assert!(count(&mut engine, &picture, "person", 0.4) >= 1, "{name}");
    }
}

#[test]
fn a_damaged_or_missing_model_file_is_an_error_that_names_it() {
    assets::library();
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = assets::default_model();
    let bytes = std::fs::read(&manifest.file).unwrap();
    manifest.file = folder.path().join("model.onnx");
    assert!(matches!(
        Engine::open(&manifest, 1),
        Err(ModelError::Read { .. })
    ));
    write(&manifest, &bytes[..bytes.len() / 2]);
    let error = Engine::open(&manifest, 1).unwrap_err();
    assert!(
        error.to_string().contains("its manifest says bca023da"),
        "{error}"
    );
    for damage in [&bytes[..bytes.len() / 2], b"", b"not a model"] {
        write(&manifest, damage);
        manifest.digest = vigla_vision::manifest::Digest::of(damage);
        let error = Engine::open(&manifest, 1).unwrap_err();
        assert!(matches!(error, ModelError::Load { .. }), "{error:?}");
    }
}

fn write(manifest: &Manifest, bytes: &[u8]) {
    #[allow(clippy::disallowed_methods, reason = "a temporary file of one test")]
    std::fs::write(&manifest.file, bytes).unwrap();
}

#[test]
fn a_manifest_that_does_not_fit_its_model_is_refused() {
    assets::library();
    let good = assets::default_model();
    let wrong = |change: fn(&mut Manifest)| {
        let mut manifest = good.clone();
        change(&mut manifest);
        match Engine::open(&manifest, 1) {
            Err(ModelError::Contract { kind, tensor, .. }) => (kind, tensor),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        wrong(|manifest| manifest.input.tensor = "picture".into()),
        ("input", "picture".into())
    );
    assert_eq!(wrong(|manifest| manifest.input.width = 320).0, "input");
    assert_eq!(
        wrong(|manifest| manifest.decoder = vigla_vision::manifest::Decoder::NanoDet),
        ("output", "cls8".into())
    );
    assert_eq!(
        wrong(|manifest| {
            manifest.labels = vigla_vision::Labels::parse("person\ncar").unwrap();
        }),
        ("output", "scores".into())
    );
}

#[test]
fn a_picture_that_lies_is_an_error() {
    let mut engine = assets::engine(1);
    let mut picture = Picture::new(64, 64);
    picture.rgb.truncate(10);
    assert!(matches!(
        engine.infer(&picture),
        Err(InferError::Picture { .. })
    ));
    assert!(matches!(
        engine.infer(&Picture::default()),
        Err(InferError::Picture { .. })
    ));
    assert!(engine.infer(&Picture::new(1, 1)).is_ok());
    assert!(engine.infer(&Picture::new(5000, 2)).is_ok());
}
