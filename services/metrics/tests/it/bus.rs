//! `Metrics1` as its callers see it, allowed and refused.

use std::path::Path;
use std::process::{Command, Stdio};

use vigla_testkit::{Rig, Who, free_port, until};

use super::listener::PATIENCE;

/// Calls as `who`: the answer, or the complaint.
pub(crate) fn ask(
    rig: &Rig,
    who: Who<'_>,
    interface: &str,
    member: &str,
    arguments: &[&str],
) -> Result<String, String> {
    let mut command = Command::new("dbus-send");
    command.arg(format!("--bus={}", rig.address())).args([
        "--print-reply",
        "--dest=org.vigla.Metrics1",
        "/org/vigla/Metrics1",
    ]);
    command
        .arg(format!("{interface}.{member}"))
        .args(arguments)
        .stdin(Stdio::null());
    rig.run_as(who, &mut command);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

fn property(name: &str) -> [String; 2] {
    [
        String::from("string:org.vigla.Metrics1"),
        format!("string:{name}"),
    ]
}

#[test]
fn each_user_may_do_what_the_policy_says() {
    let rig = Rig::start().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_vigla-metrics"));
    let port = free_port().unwrap();
    let sockets = rig.run_dir();
    let settings = format!(
        "broker = \"127.0.0.1:{port}\"\n[gather]\nsockets = {:?}\n",
        sockets.display().to_string()
    );
    let _daemon = rig
        .daemon("metrics")
        .binary(binary)
        .settings(&settings)
        .start()
        .unwrap();
    let get = |who, name: &str| {
        let arguments = property(name);
        ask(
            &rig,
            who,
            "org.freedesktop.DBus.Properties",
            "Get",
            &[&arguments[0], &arguments[1]],
        )
    };
    for who in [Who::Me, Who::Stranger, Who::Operator] {
        assert!(get(who, "NodeId").unwrap().contains("vigla-"));
        assert!(get(who, "Sinks").unwrap().contains("mqtt"));
    }
    let page = ask(&rig, Who::Me, "org.vigla.Metrics1", "Gather", &[]).unwrap();
    for line in [
        "vigla_metrics_build_info{version=",
        "vigla_metrics_scrape_up{service=\"camera\"} 0",
        "vigla_metrics_messages_stored ",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    assert!(ask(&rig, Who::Operator, "org.vigla.Metrics1", "Gather", &[]).is_ok());
    if rig.separate_users() {
        let refused = ask(&rig, Who::Stranger, "org.vigla.Metrics1", "Gather", &[]).unwrap_err();
        assert!(refused.contains("AccessDenied"), "{refused}");
        let level = [
            "string:org.freedesktop.LogControl1",
            "string:LogLevel",
            "variant:string:debug",
        ];
        let refused = ask(
            &rig,
            Who::Operator,
            "org.freedesktop.DBus.Properties",
            "Set",
            &level,
        )
        .unwrap_err();
        assert!(refused.contains("AccessDenied"), "{refused}");
    }
    until("counting", PATIENCE, || {
        let page = ask(&rig, Who::Me, "org.vigla.Metrics1", "Gather", &[]).ok()?;
        page.contains("vigla_metrics_broker_attempts_total ")
            .then_some(())
    })
    .unwrap();
}
