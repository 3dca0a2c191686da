//! `viglactl doctor` on real daemons: each planted fault is named, with a cause and a next step, and
//! a node that is well has none. (A wrong clock and a full disk are planted in its own tests.)

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vigla_system_tests::{Scene, Site};
use vigla_testkit::{Rig, Who, free_port, until};

const PATIENCE: Duration = Duration::from_secs(30);

/// The exit code and the verdict.
fn doctor(rig: &Rig) -> (Option<i32>, Value) {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("viglactl");
    let mut command = Command::new(rig.share(&built).unwrap());
    rig.run_as(Who::Operator, command.args(["doctor", "--json"]));
    let output = command.output().unwrap();
    let verdict = serde_json::from_slice(&output.stdout);
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code(),
        verdict.unwrap_or_else(|error| panic!("{error}: {}", said())),
    )
}

/// Waits until every one of `codes` was found, each with a cause and a fix.
fn finds(rig: &Rig, codes: &[&str]) {
    let mut last = Value::Null;
    let found = until("the findings", PATIENCE, || {
        let (code, verdict) = doctor(rig);
        assert_eq!(code, Some(1));
        last = verdict;
        let findings = last["findings"].as_array()?;
        let told = |code: &str| {
            let mut all = findings.iter();
            all.any(|f| f["code"] == code && f["cause"] != "" && f["fix"] != "")
        };
        codes.iter().all(|code| told(code)).then_some(())
    });
    assert!(found.is_ok(), "{codes:?} are not all in {last:#}");
}

/// A camera of the V4L2 stand-in, as the kernel shows it.
fn plug(root: &Path, name: &str, port: &str, fault: &str) {
    let interface = root.join(format!("sys/devices/usb1/1-{port}/1-{port}:1.0"));
    let entry = interface.join("video4linux").join(name);
    let class = root.join("sys/class/video4linux");
    for folder in [&entry, &class, &root.join("dev")] {
        fs::create_dir_all(folder).unwrap();
    }
    let sheet = format!("card Shim\nformat MJPG 320x240 30\nfault {fault}\n");
    for (file, text) in [
        (entry.join("name"), "Shim\n"),
        (entry.join("index"), "0\n"),
        (root.join("dev").join(name), &sheet),
    ] {
        put(&file, text);
    }
    symlink(&interface, entry.join("device")).unwrap();
    symlink(&entry, class.join(name)).unwrap();
}

#[allow(
    clippy::disallowed_methods,
    reason = "a file of a test, whole before it is read"
)]
fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// The V4L2 stand-in, compiled.
fn shim(rig: &Rig) -> PathBuf {
    let library = rig.dir().join("v4l2.so");
    let source = rig.repository().join("services/camera/tests/shim/v4l2.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl");
    assert!(
        cc.status().unwrap().success(),
        "the stand-in does not compile"
    );
    library
}

/// The models of the repository, where the daemons may read them.
fn models(rig: &Rig) -> PathBuf {
    let models = rig.dir().join("models");
    let mut copy = Command::new("cp");
    copy.arg("-r")
        .arg(rig.repository().join("services/detector/models"))
        .arg(&models);
    assert!(copy.status().unwrap().success());
    models
}

#[test]
fn each_planted_fault_is_named() {
    let rig = Rig::start().unwrap();
    let at = |name: &str| rig.dir().join(name);
    for folder in ["empty", "kernel/sys", "kernel/dev", "state/metrics"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    put(
        &at("state/metrics/queue"),
        "a file where a folder should be",
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let kernel = format!(
        "[kernel]\nsysfs = {:?}\ndev = {:?}\nuevents = {:?}\n",
        at("kernel/sys"),
        at("kernel/dev"),
        at("run/camera/uevents")
    );
    let detector = |models: &Path| {
        format!(
            "model = \"cocossd-mnv2-300-int8\"\nlibrary = {:?}\nmodel_dirs = [{models:?}]\n",
            at("nothing.so")
        )
    };
    let start = |noun: &str, settings: &str| rig.daemon(noun).settings(settings).start().unwrap();
    let broker = format!("broker = \"127.0.0.1:{}\"\n", free_port().unwrap());
    let camera = start("camera", &kernel);
    let blind = start("detector", &detector(&at("empty")));
    let _metrics = start("metrics", &broker);
    let gateway = start(
        "gateway",
        &format!("listen = \"{}\"\n", taken.local_addr().unwrap()),
    );
    finds(
        &rig,
        &[
            "no-broker",
            "no-camera",
            "no-model",
            "port-in-use",
            "queue-disk",
        ],
    );
    for daemon in [camera, blind, gateway] {
        daemon.stop().unwrap();
    }

    plug(&at("kernel"), "video0", "1", "denied");
    plug(&at("kernel"), "video1", "2", "no-formats");
    let named = "[camera.front]\nsource = \"usb:1\"\n[camera.back]\nsource = \"usb:2\"\n";
    let _camera = rig
        .daemon("camera")
        .settings(&format!("{kernel}{named}"))
        .env("LD_PRELOAD", &shim(&rig).to_string_lossy())
        .env("VIGLA_SHIM", &at("kernel").to_string_lossy())
        .start()
        .unwrap();
    let _detector = start("detector", &detector(&models(&rig)));
    finds(&rig, &["camera-denied", "camera-format", "no-library"]);
    let (_, verdict) = doctor(&rig);
    let text = verdict.to_string();
    assert!(text.contains("`vigla-gateway` is not running"), "{text}");
    let unknown = &verdict["unknown"];
    for check in ["port", "settings"] {
        assert_eq!(unknown[check], "`vigla-gateway` does not run");
    }
}

#[test]
fn a_file_that_is_of_no_use_is_not_called_missing() {
    let rig = Rig::start().unwrap();
    let (junk, film) = (rig.dir().join("junk.so"), rig.dir().join("closed.mp4"));
    put(&junk, "no library");
    put(&film, "nobody may read it");
    fs::set_permissions(&film, fs::Permissions::from_mode(0o000)).unwrap();
    let models = models(&rig);
    let detector = format!(
        "model = \"cocossd-mnv2-300-int8\"\nlibrary = {junk:?}\nmodel_dirs = [{models:?}]\n"
    );
    let camera = format!("[camera.film]\nsource = {film:?}\n");
    let start = |noun: &str, settings: &str| rig.daemon(noun).settings(settings).start().unwrap();
    let _camera = start("camera", &camera);
    let _detector = start("detector", &detector);
    finds(&rig, &["library-broken"]);
    let text = doctor(&rig).1.to_string();
    let seen = "does not begin as a library does";
    assert!(text.contains("junk.so") && text.contains(seen), "{text}");
    // Root may read everything, and is no daemon's user.
    if rig.separate_users() || fs::File::open(&film).is_err() {
        finds(&rig, &["source-no-permission"]);
    }
}

#[test]
fn a_node_that_is_well_is_found_well() {
    let site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let (code, verdict) = doctor(&site.rig);
    assert_eq!(
        (code, &verdict["healthy"]),
        (Some(0), &Value::Bool(true)),
        "{verdict:#}"
    );
}
