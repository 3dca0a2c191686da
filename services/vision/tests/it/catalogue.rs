use std::path::Path;

use vigla_vision::Catalogue;
use vigla_vision::catalogue::FindError;

use crate::assets::models;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in ["manifest.toml", "labels.txt"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

#[test]
fn every_manifest_of_the_repository_is_usable_and_the_default_is_installed() {
    let catalogue = Catalogue::scan([models()]);
    let refused: Vec<_> = catalogue.refused().iter().map(|r| &r.error).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let names: Vec<_> = catalogue.iter().map(|model| model.name.as_str()).collect();
    assert!(names.contains(&"cocossd-mnv2-300-int8") && names.contains(&"nanodet-g-416-int8"));
    let default = catalogue.find("cocossd-mnv2-300-int8", "").unwrap();
    assert!(default.installed());
    assert_eq!(default.labels.classes(), 90);
    for (label, class) in [
        ("person", 0),
        ("bicycle", 1),
        ("car", 2),
        ("bus", 5),
        ("truck", 7),
    ] {
        assert_eq!(default.labels.class(label), Ok(class));
    }
    assert_eq!(default.labels.class("toothbrush"), Ok(89));
    for model in catalogue.iter() {
        let folder = model.file.parent().unwrap();
        for file in ["LICENSE", "PROVENANCE.md"] {
            assert!(folder.join(file).is_file(), "{model}: {file}");
        }
    }
}

#[test]
fn finds_the_newest_and_says_what_there_is() {
    let root = tempfile::tempdir().unwrap();
    let source = models().join("cocossd-mnv2-300-int8/1");
    for version in ["1", "2", "10"] {
        let to = root.path().join("cocossd-mnv2-300-int8").join(version);
        copy(&source, &to);
        let manifest = to.join("manifest.toml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let text = text.replace("version = 1", &format!("version = {version}"));
        #[allow(clippy::disallowed_methods, reason = "a temporary file of one test")]
        std::fs::write(&manifest, text).unwrap();
    }
    let catalogue = Catalogue::scan([root.path()]);
    let find = |name, version| catalogue.find(name, version);
    assert_eq!(find("cocossd-mnv2-300-int8", "").unwrap().version, 10);
    assert_eq!(find("cocossd-mnv2-300-int8", "2").unwrap().version, 2);
    let error = find("cocossd-mnv2-300-int8", "3").unwrap_err();
    assert!(error.to_string().contains("it has 1, 2, 10"), "{error}");
    let error = find("yolo", "").unwrap_err();
    assert!(
        matches!(&error, FindError::Name { known, .. } if known.len() == 1),
        "{error:?}"
    );
    let empty = Catalogue::scan([root.path().join("nothing")]);
    let error = empty.find("yolo", "").unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("no model is installed in `") && said.contains("/nothing`"),
        "{said}"
    );
    let error = find("cocosd-mnv2", "").unwrap_err().to_string();
    assert!(
        error.contains("close names: `cocossd-mnv2-300-int8`"),
        "{error}"
    );
}

#[test]
fn a_broken_folder_does_not_hide_the_others() {
    let root = tempfile::tempdir().unwrap();
    let source = models().join("cocossd-mnv2-300-int8/1");
    copy(&source, &root.path().join("cocossd-mnv2-300-int8/1"));
    copy(&source, &root.path().join("renamed/1"));
    copy(&source, &root.path().join("broken/1"));
    std::fs::remove_file(root.path().join("broken/1/labels.txt")).unwrap();
    let catalogue = Catalogue::scan([root.path()]);
    assert_eq!(catalogue.iter().count(), 1);
    let errors: Vec<_> = catalogue
        .refused()
        .iter()
        .map(|refused| refused.error.to_string())
        .collect();
    assert_eq!(errors.len(), 2);
    assert!(errors[0].starts_with("read `") && errors[0].contains("labels.txt"));
    assert!(
        errors[1].contains("the folders must say the same"),
        "{errors:?}"
    );
}
