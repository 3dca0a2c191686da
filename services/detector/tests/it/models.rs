//! Models swapped while the real engine works: good, truncated, with a wrong digest, absent.

use std::path::Path;

use vigla_bus::zbus::Error;

use crate::bench::{Bench, rig, usual};
use crate::camera::Script;

const DEFAULT: &str = "cocossd-mnv2-300-int8/1";

/// Puts a copy of the default model beside it under another name, changed by `change`.
fn derive(models: &Path, name: &str, change: impl FnOnce(&Path)) {
    let (from, to) = (models.join(DEFAULT), models.join(name).join("1"));
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    edit(&to.join("manifest.toml"), "cocossd-mnv2-300-int8", name);
    change(&to);
}

#[allow(clippy::disallowed_methods, reason = "a file in a temporary folder")]
fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

fn truncate(folder: &Path) {
    let file = std::fs::File::options()
        .write(true)
        .open(folder.join("model.onnx"))
        .unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

fn refused_as(result: Result<vigla_bus::detector::Model, Error>, expected: &str) {
    let Err(Error::MethodError(name, text, _)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(
        name.as_str(),
        format!("org.vigla.Error.{expected}"),
        "{text:?}"
    );
}

#[tokio::test]
async fn the_old_model_stays_until_the_new_one_has_answered() {
    let bench = Bench::start(Script::Clip, "").await;
    let models = bench.rig.dir().join("models");
    derive(&models, "twin", |_| {});
    derive(&models, "torn", truncate);
    derive(&models, "other-digest", |folder| {
        edit(&folder.join("manifest.toml"), "sha256:b", "sha256:a");
    });
    derive(&models, "other-tensors", |folder| {
        edit(&folder.join("manifest.toml"), "width = 300", "width = 320");
    });
    derive(&models, "wordless", |folder| {
        edit(&folder.join("labels.txt"), "motorcycle\n", "-\n");
    });
    let mut records = bench.records().await;
    records.find(|record| record.basis == "inferred").await;
    let detector = &bench.detector;
    let old = detector.model().await.unwrap();

    for bad in ["torn", "other-digest", "other-tensors", "wordless"] {
        refused_as(detector.load_model(bad, "").await, "InvalidArgument");
        bench.problem("model-rejected").await;
        assert_eq!(detector.model().await.unwrap(), old, "{bad}");
        records.find(|record| record.basis == "inferred").await;
    }
    refused_as(detector.load_model("nobody", "").await, "NotFound");
    refused_as(detector.load_model("twin", "7").await, "NotFound");

    let new = detector.load_model("twin", "1").await.unwrap();
    assert_eq!((new.name.as_str(), &new.digest), ("twin", &old.digest));
    bench.problem("").await;
    records.find(|record| record.basis == "inferred").await;
    let told = async {
        while detector.model().await.unwrap().name != "twin" {
            tokio::task::yield_now().await;
        }
    };
    bench.soon(told).await;
}

#[tokio::test]
async fn without_a_library_it_runs_and_says_what_to_do() {
    let rig = rig();
    let settings = "library = '/nonexistent/libonnxruntime.so'\n";
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let named = usual(&rig, &models);
    let models = named.lines().find(|line| line.starts_with("model_dirs"));
    let settings = settings.to_owned() + models.unwrap();
    let bench = Bench::start_on(rig, Script::Clip, &settings).await;
    bench.problem("no-library").await;
    let record = bench.records().await.next().await;
    assert_eq!(
        (record.basis.as_str(), record.objects.len()),
        ("no-model", 0)
    );
    assert_eq!(record.counts["car"], 0);
    let status = bench.daemon.status();
    assert!(status.contains("inference library"), "{status}");
    refused_as(
        bench.detector.load_model("cocossd-mnv2-300-int8", "").await,
        "NotReady",
    );
    assert_eq!(bench.detector.model().await.unwrap().name, "");
}

#[tokio::test]
async fn a_file_that_is_not_the_library_is_no_reason_to_end() {
    let rig = rig();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let named = usual(&rig, &models);
    let models = named.lines().find(|line| line.starts_with("model_dirs"));
    let settings = format!("library = '/etc/hostname'\n{}", models.unwrap());
    let bench = Bench::start_on(rig, Script::Clip, &settings).await;
    bench.problem("library-broken").await;
    let status = bench.daemon.status();
    let named = "`/etc/hostname` is there and cannot be loaded";
    assert!(status.contains(named), "{status}");
}

#[tokio::test]
async fn a_damaged_model_is_replaced_without_a_restart() {
    let rig = rig();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let settings = usual(&rig, &models);
    let folder = rig.dir().join("models").join(DEFAULT);
    truncate(&folder);
    let bench = Bench::start_on(rig, Script::Clip, &settings).await;
    bench.problem("model-digest").await;
    std::fs::copy(
        models.join(DEFAULT).join("model.onnx"),
        folder.join("model.onnx"),
    )
    .unwrap();
    bench.problem("").await;
    let mut records = bench.records().await;
    records.find(|record| record.basis == "inferred").await;
}

#[tokio::test]
async fn a_bad_setting_ends_it_with_78_and_the_place() {
    let rig = rig();
    let mut settings = usual(&rig, &Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    settings.push_str("labels = ['car', 'motorbike']\n");
    let mut daemon = rig.daemon("detector").settings(&settings).launch().unwrap();
    let status = daemon.child().wait(crate::bench::PATIENCE).unwrap();
    assert_eq!(status.code(), Some(78));
    let log = daemon.log();
    assert!(log.contains("50-rig.toml` line 3"), "{log}");
    assert!(log.contains("`motorcycle`"), "{log}");
}
