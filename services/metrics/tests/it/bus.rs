//! `Metrics1` as its callers see it, allowed and refused.

use std::path::Path;
use std::process::{Command, Stdio};

use vigla_testkit::{Daemon, Rig, Who, free_port, until};

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

pub(crate) fn get(rig: &Rig, who: Who<'_>, name: &str) -> Result<String, String> {
    let name = format!("string:{name}");
    let arguments = ["string:org.vigla.Metrics1", &name];
    ask(
        rig,
        who,
        "org.freedesktop.DBus.Properties",
        "Get",
        &arguments,
    )
}

fn gather(rig: &Rig, who: Who<'_>) -> Result<String, String> {
    ask(rig, who, "org.vigla.Metrics1", "Gather", &[])
}

pub(crate) fn start(rig: &Rig) -> Daemon {
    let settings = format!(
        "broker = \"127.0.0.1:{}\"\n[gather]\nsockets = {:?}\n",
        free_port().unwrap(),
        rig.run_dir().display().to_string()
    );
    rig.daemon("metrics")
        .binary(Path::new(env!("CARGO_BIN_EXE_vigla-metrics")))
        .settings(&settings)
        .start()
        .unwrap()
}

#[test]
fn one_page_gathers_every_service() {
    let rig = Rig::start().unwrap();
    let _daemon = start(&rig);
    let page = gather(&rig, Who::Me).unwrap();
    for line in [
        "vigla_metrics_build_info{version=",
        "vigla_metrics_scrape_up{service=\"camera\"} 0",
        "vigla_metrics_messages_stored ",
        "node_cpu_seconds_total{cpu=",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    until("counting", PATIENCE, || {
        let page = gather(&rig, Who::Me).ok()?;
        page.contains("vigla_metrics_broker_attempts_total ")
            .then_some(())
    })
    .unwrap();
}

#[test]
fn each_user_may_do_what_the_policy_says() {
    vigla_testkit::with_users(|| {
        let rig = Rig::start().unwrap();
        let _daemon = start(&rig);
        for who in [Who::Me, Who::Stranger, Who::Operator] {
            assert!(get(&rig, who, "NodeId").unwrap().contains("vigla-"));
            assert!(get(&rig, who, "Sinks").unwrap().contains("mqtt"));
            get(&rig, who, "Health").unwrap();
        }
        gather(&rig, Who::Operator).unwrap();
        let box_of = |who| ask(&rig, who, "org.vigla.Metrics1", "BlackBox", &[]);
        assert!(box_of(Who::Operator).unwrap().contains("{}"));
        let refused = box_of(Who::Stranger).unwrap_err();
        assert!(refused.contains("AccessDenied"), "{refused}");
        let refused = gather(&rig, Who::Stranger).unwrap_err();
        assert!(refused.contains("AccessDenied"), "{refused}");
        let level = [
            "string:org.freedesktop.LogControl1",
            "string:LogLevel",
            "variant:string:debug",
        ];
        let set = "org.freedesktop.DBus.Properties";
        let refused = ask(&rig, Who::Operator, set, "Set", &level).unwrap_err();
        assert!(refused.contains("AccessDenied"), "{refused}");
    });
}
