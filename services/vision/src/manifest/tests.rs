use super::*;

const TEXT: &str = r#"
name = "example"
version = 3
description = "finds cars and people"
licence = "Apache-2.0"
digest = "sha256:bca023daa7e7de2bfd985b3b9e9e8b7215d070380f1c39f82c83d52cc4997b80"
decoder = "coco-ssd"

[input]
tensor = "image"
width = 300
height = 300
layout = "nhwc"
colour = "rgb"
fit = "stretch"
"#;

/// A manifest for tests: labels person, bicycle, car, truck.
pub(crate) fn example() -> Manifest {
    Manifest::parse(Path::new("/m"), TEXT, "person\nbicycle\ncar\ntruck\n").unwrap()
}

fn refused(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from), "{from}");
    let error = Manifest::parse(Path::new("/m"), &TEXT.replace(from, to), "car").unwrap_err();
    match error {
        ManifestError::Parse { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

#[test]
fn reads_names_defaults_and_ranges() {
    let manifest = example();
    assert_eq!(manifest.to_string(), "example version 3");
    assert_eq!(manifest.file, Path::new("/m/model.onnx"));
    assert_eq!(manifest.output, Output::default());
    assert_eq!(manifest.input.deviation, [1.0; 3]);
    assert!(!manifest.installed());
}

#[test]
fn says_which_key_is_wrong_and_what_is_right() {
    assert!(refused("\"example\"", "\"../etc\"").contains("`name` must be lower case"));
    assert!(refused("version = 3", "version = 0").contains("`version` must be at least 1"));
    assert!(refused("width = 300", "width = 7").contains("`input.width` must be 16 to 4096"));
    assert!(refused("sha256:bca", "sha256:x").contains("`digest` must be `sha256:`"));
    assert!(refused("\"coco-ssd\"", "\"yolo\"").contains("`coco-ssd` or `nanodet`"));
    assert!(refused("decoder =", "file = \"../x\"\ndecoder =").contains("a file beside it"));
    let unknown = refused("fit = ", "fitt = ");
    assert!(
        unknown.contains("line 15") && unknown.contains("`fitt`"),
        "{unknown}"
    );
    let deviation = "fit = \"stretch\"\ndeviation = [1.0, 0.0, 1.0]";
    assert!(refused("fit = \"stretch\"", deviation).contains("`input.deviation`"));
}

#[test]
fn names_the_label_file_that_is_wrong() {
    let error = Manifest::parse(Path::new("/m"), TEXT, "car\ncar").unwrap_err();
    assert_eq!(error.to_string(), "labels in `/m/labels.txt`");
}

#[test]
fn any_damage_to_a_manifest_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "manifest", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Manifest::parse(Path::new("/m"), &text, "person\ncar\n") {
            Ok(manifest) => assert!(manifest.file.starts_with("/m"), "{manifest:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}
