//! Every method of every daemon, called as a stranger, as each service user, as an operator and as
//! root, against the table below: the shipped policy allows these calls and no other.

use std::process::Command;

use vigla_bus::names::{
    CAMERA, DETECTOR, ENROLMENT, GATEWAY, METRICS, Service, UPDATER, camera_path,
};
use vigla_system_tests::{Scene, Site};
use vigla_testkit::{Rig, Who, with_users};

/// What anybody may call on any daemon.
const EVERYBODY: [&str; 5] = [
    "org.freedesktop.DBus.Peer.Ping",
    "org.freedesktop.DBus.Peer.GetMachineId",
    "org.freedesktop.DBus.Introspectable.Introspect",
    "org.freedesktop.DBus.Properties.Get",
    "org.freedesktop.DBus.Properties.GetAll",
];

/// What else, by caller. Root may call everything.
const TABLE: [(Who<'static>, &[&str]); 8] = [
    (Who::Stranger, &[LIST]),
    (Who::Service("camera"), &[LIST]),
    (
        Who::Service("detector"),
        &[LIST, "org.vigla.Camera1.Camera.Open"],
    ),
    (
        Who::Service("metrics"),
        &[
            LIST,
            "org.vigla.Detector1.Open",
            "org.vigla.Detector1.ListEvents",
            "org.vigla.Updater1.ListHistory",
        ],
    ),
    (
        Who::Service("gateway"),
        &[
            LIST,
            "org.vigla.Camera1.Camera.Open",
            "org.vigla.Detector1.Open",
            "org.vigla.Detector1.ListEvents",
            "org.vigla.Detector1.EventPicture",
            "org.vigla.Detector1.ForgetPictures",
            "org.vigla.Metrics1.Gather",
            "org.vigla.Updater1.Check",
            "org.vigla.Updater1.Install",
            "org.vigla.Updater1.Rollback",
            "org.vigla.Updater1.Reset",
            "org.vigla.Updater1.ListHistory",
            "org.vigla.Updater1.Job.Cancel",
            "org.vigla.Enrolment1.Retry",
            "org.vigla.Enrolment1.Diagnose",
        ],
    ),
    (
        Who::Service("updater"),
        &[LIST, "org.vigla.Metrics1.Gather"],
    ),
    (Who::Service("enrolment"), &[LIST]),
    (
        Who::Operator,
        &[
            LIST,
            "org.vigla.Camera1.Camera.Open",
            "org.vigla.Camera1.Camera.ListControls",
            "org.vigla.Camera1.Camera.SetControl",
            "org.vigla.Detector1.Open",
            "org.vigla.Detector1.ListEvents",
            "org.vigla.Detector1.EventPicture",
            "org.vigla.Detector1.ForgetPictures",
            "org.vigla.Detector1.LoadModel",
            "org.vigla.Metrics1.BlackBox",
            "org.vigla.Metrics1.Gather",
            "org.vigla.Gateway1.CreateToken",
            "org.vigla.Gateway1.ListTokens",
            "org.vigla.Gateway1.RevokeToken",
            "org.vigla.Updater1.Check",
            "org.vigla.Updater1.Install",
            "org.vigla.Updater1.Rollback",
            "org.vigla.Updater1.Reset",
            "org.vigla.Updater1.ListHistory",
            "org.vigla.Updater1.Job.Cancel",
            "org.vigla.Enrolment1.Retry",
            "org.vigla.Enrolment1.Diagnose",
        ],
    ),
];

const LIST: &str = "org.freedesktop.DBus.ObjectManager.GetManagedObjects";

/// Calls without arguments: the bus judges the caller before the daemon sees the arguments.
fn call(rig: &Rig, who: Who<'_>, name: &str, path: &str, method: &str) -> String {
    let mut command = Command::new("dbus-send");
    command
        .arg(format!("--bus={}", rig.address()))
        .arg("--print-reply=literal");
    command.args([&format!("--dest={name}"), path, method]);
    rig.run_as(who, &mut command);
    let output = command.output().unwrap();
    let text = if output.status.success() {
        output.stdout
    } else {
        output.stderr
    };
    String::from_utf8_lossy(&text).into_owned()
}

/// Methods (`interface.member`) in introspection data.
fn methods(xml: &str) -> Vec<String> {
    let quoted = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let (mut interface, mut all) = (String::new(), Vec::new());
    for line in xml.lines().map(str::trim) {
        if line.starts_with("<interface ") {
            interface = quoted(line);
        } else if line.starts_with("<method ") {
            all.push(format!("{interface}.{}", quoted(line)));
        }
    }
    all
}

fn objects() -> Vec<(Service, String)> {
    let mut all: Vec<_> = [CAMERA, DETECTOR, METRICS, GATEWAY, UPDATER, ENROLMENT]
        .map(|s| (s, s.path.to_owned()))
        .into();
    all.push((CAMERA, camera_path("street")));
    all.push((UPDATER, format!("{}/job/0", UPDATER.path)));
    all
}

#[test]
fn the_policy_allows_what_the_table_says_and_nothing_else() {
    with_users(|| {
        let mut site = Site::start(Scene::Synthetic).unwrap();
        site.whole().unwrap();
        site.bring("updater").unwrap();
        site.bring("enrolment").unwrap();
        let (mut wrong, mut calls) = (Vec::new(), 0);
        for (service, path) in objects() {
            let introspect = "org.freedesktop.DBus.Introspectable.Introspect";
            let xml = call(&site.rig, Who::Me, service.name, &path, introspect);
            let methods = methods(&xml);
            assert!(methods.len() > 4, "{path}: {xml}");
            for method in &methods {
                for (who, extra) in TABLE.iter().copied().chain([(Who::Me, &[] as &[&str])]) {
                    calls += 1;
                    let answer = call(&site.rig, who, service.name, &path, method);
                    wrong.extend(judge(who, extra, method, &answer));
                }
            }
        }
        println!("{calls} calls");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// What is wrong with `answer`, by the table.
fn judge(who: Who<'_>, extra: &[&str], method: &str, answer: &str) -> Option<String> {
    let should = who == Who::Me || EVERYBODY.contains(&method) || extra.contains(&method);
    let may = !answer.contains("org.freedesktop.DBus.Error.AccessDenied");
    let verb = if may { "may" } else { "may not" };
    (may != should).then(|| format!("{who:?} {verb} {method}: {answer}"))
}

#[test]
fn nobody_else_owns_our_names() {
    with_users(|| {
        let site = Site::start(Scene::Synthetic).unwrap();
        for service in [CAMERA, DETECTOR, METRICS, GATEWAY, UPDATER] {
            let other = if service.noun == "camera" {
                "detector"
            } else {
                "camera"
            };
            for who in [Who::Stranger, Who::Operator, Who::Service(other)] {
                let text = request_name(&site.rig, who, service.name);
                let refused = text.contains("AccessDenied");
                assert!(refused, "{who:?} and {}: {text}", service.name);
            }
        }
    });
}

/// Asks for a name as `who`: the complaint.
fn request_name(rig: &Rig, who: Who<'_>, name: &str) -> String {
    let mut command = Command::new("dbus-send");
    command
        .arg(format!("--bus={}", rig.address()))
        .args(["--print-reply", "--dest=org.freedesktop.DBus"])
        .args([
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus.RequestName",
            &format!("string:{name}"),
            "uint32:0",
        ]);
    rig.run_as(who, &mut command);
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}
