//! The shipped bus policy: what each user may call, and that strangers see no picture.

use std::process::{Command, Stdio};

use vigla_bus::camera::INTERFACE;
use vigla_bus::names::{CAMERA, camera_path};
use vigla_testkit::Who;

use crate::stage::Stage;

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Calls as `who`; whether the bus let it through (the daemon may still have refused).
fn may(stage: &Stage, who: Who<'_>, path: &str, member: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new("dbus-send");
    command
        .arg(format!("--bus={}", stage.rig.address()))
        .args([
            "--print-reply",
            &format!("--dest={}", CAMERA.name),
            path,
            member,
        ])
        .args(arguments)
        .stdin(Stdio::null());
    stage.rig.run_as(who, &mut command);
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() || error.contains("Error"),
        "{member}: {error}"
    );
    !error.contains("org.freedesktop.DBus.Error.AccessDenied")
}

#[tokio::test]
async fn each_user_may_call_what_it_needs_and_no_more() {
    let stage = Stage::new();
    let _daemon = stage.start("[camera.demo]\nsource = \"synthetic\"");
    let client = stage.client().await;
    client.state("demo", "streaming").await;
    let path = camera_path("demo");
    let services = |noun| Who::Service(noun);
    // Own calls, and who besides root may make them.
    let (open, list, set) = ("Open", "ListControls", "SetControl");
    let table = [
        (services("detector"), [true, false, false]),
        (services("gateway"), [true, false, false]),
        (services("metrics"), [false, false, false]),
        (Who::Operator, [true, true, true]),
        (Who::Stranger, [false, false, false]),
    ];
    if !stage.rig.separate_users() {
        vigla_testkit::skip("only root can be several users");
        return;
    }
    for (who, wanted) in table {
        let calls: [(&str, &[&str]); 3] = [
            // The bus judges before the daemon misses the second argument.
            (open, &["string:jpeg"]),
            (list, &[]),
            (set, &["string:gain", "int64:1"]),
        ];
        for ((member, arguments), wanted) in calls.into_iter().zip(wanted) {
            let full = format!("{INTERFACE}.{member}");
            assert_eq!(
                may(&stage, who, &path, &full, arguments),
                wanted,
                "{who:?} {member}"
            );
        }
        let get = [format!("string:{INTERFACE}"), "string:State".to_owned()];
        let get: Vec<&str> = get.iter().map(String::as_str).collect();
        assert!(
            may(&stage, who, &path, &format!("{PROPERTIES}.Get"), &get),
            "{who:?}"
        );
        assert!(
            may(
                &stage,
                who,
                &path,
                &format!("{PROPERTIES}.GetAll"),
                &get[..1]
            ),
            "{who:?}"
        );
        let manager = "org.freedesktop.DBus.ObjectManager.GetManagedObjects";
        assert!(may(&stage, who, CAMERA.path, manager, &[]), "{who:?}");
        let introspect = "org.freedesktop.DBus.Introspectable.Introspect";
        assert!(may(&stage, who, &path, introspect, &[]), "{who:?}");
        let level = [
            "string:org.freedesktop.LogControl1",
            "string:LogLevel",
            "variant:string:debug",
        ];
        let log = "/org/freedesktop/LogControl1";
        assert!(
            !may(&stage, who, log, &format!("{PROPERTIES}.Set"), &level),
            "{who:?}"
        );
    }
}
