//! The operator's day, with the programs as they are.

use std::path::PathBuf;
use std::process::{Command, Output};

use vigla_fleet::crd::DevicePhase;
use vigla_fleet::invitation::read;
use vigla_fleet::wire::Refusal;

use crate::device::SimDevice;
use crate::process::Process;
use crate::rig::{Rig, until, with_cluster};

/// Beside the tests, where every build of the workspace puts it.
fn program() -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent()?.parent()?.join("kubectl-vigla");
    if program.exists() {
        return Some(program);
    }
    vigla_testkit::skip("no `kubectl-vigla`: `cargo build -p vigla-cloud`");
    None
}

struct Operator<'r> {
    rig: &'r Rig,
    program: PathBuf,
}

impl Operator<'_> {
    fn ask(&self, words: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(self.rig.plane.kubeconfig());
        command.args(words).output().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.ask(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Authorities are shown, and everything is kept in a file.
fn keeps(operator: &Operator<'_>, node: &str, id: &str) {
    let printed = operator.says(&["install", "--print", "--set", "podCIDR.allocate=true"]);
    assert!(printed.contains("allocate = true"), "{printed}");
    let folder = tempfile::tempdir().unwrap();
    let shown = operator.says(&["authority", "show"]);
    assert!(
        shown.starts_with("now") && shown.lines().count() == 1,
        "{shown}"
    );
    let backup = folder.path().join("backup");
    operator.says(&["backup", "-o", backup.to_str().unwrap()]);
    let kept = std::fs::read_to_string(&backup).unwrap();
    assert!(kept.contains(node) && kept.contains(id), "{kept}");
}

#[test]
fn installed_claimed_listed_suspended_kept() {
    let Some(program) = program() else {
        return;
    };
    with_cluster(async |rig| {
        let operator = Operator { rig: &rig, program };
        operator.says(&["install", "--set", "cluster.flavour=upstream"]);
        let mut process = Process::start(&rig, "").await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("enrolment.toml");
        let file = file.to_str().unwrap();
        let made = operator.ask(&[
            "claim",
            "create",
            "--group",
            "yard",
            "--uses",
            "2",
            "--expires",
            "7d",
            "--endpoint",
            &process.endpoint,
            "-o",
            file,
        ]);
        let picture = String::from_utf8(made.stderr).unwrap();
        assert!(made.status.success() && picture.contains('▀'), "{picture}");
        let text = std::fs::read_to_string(file).unwrap();
        let (invitation, mistakes) = read(text.as_bytes());
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let invitation = invitation.unwrap();
        let id = invitation
            .claim
            .as_ref()
            .unwrap()
            .id()
            .to_string()
            .to_lowercase();
        let code = operator.ask(&[
            "claim",
            "create",
            "-o",
            file,
            "--endpoint",
            &process.endpoint,
        ]);
        assert!(!code.status.success(), "nothing is written over");

        let mut pi = SimDevice::new(&invitation);
        let grant = rig.joins(&mut pi).await;
        until("the claim is listed", async || {
            let list = operator.says(&["claim", "list"]);
            let row = list.lines().find(|line| line.starts_with(&id))?;
            (row.contains("yard") && row.contains("of 2") && row.contains("open")).then_some(())
        })
        .await;
        operator.says(&["claim", "revoke", &id]);
        let list = operator.says(&["claim", "list"]);
        let row = list.lines().find(|line| line.starts_with(&id)).unwrap();
        assert!(row.contains("revoked"), "{row}");
        operator.says(&["device", "suspend", &grant.node]);
        rig.phase(&grant.node, DevicePhase::Suspended).await;
        assert_eq!(pi.refused().await, Refusal::Suspended);
        let unknown = operator.ask(&["device", "suspend", "vigla-00000000000000000000"]);
        let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
        assert!(
            !unknown.status.success() && said.contains("kubectl get devices"),
            "{said}"
        );

        keeps(&operator, &grant.node, &id);
        let (status, metrics) = process.observed("/metrics").await.unwrap();
        assert!(status == 200 && metrics.contains("vigla_registrar_answers_total"));
        assert_eq!(process.observed("/live").await.unwrap().0, 200);
        let ended = process
            .child
            .stop(std::time::Duration::from_secs(20))
            .unwrap();
        assert!(ended.success(), "{ended}");
    });
}
