//! `cargo xtask run --cluster`: a real API server with the registrar beside it, and the services here as a
//! device that joins.
//!
//! ```text
//!  API server ◄─ kubectl-vigla install, claim create ─► enrolment.toml ─► vigla-enrolment
//!      ▲    ◄─ vigla-registrar, with the rights of its account ◄── POST /v1/enrol ──┘
//!      └────── the kubelet's part, played by us with the token of the grant
//! ```
//!
//! There is no kubelet: nothing runs on the node, and only its certificate and its reports are real.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use vigla_testkit::{Child, free_port, until};
use vigla_testkit_kube::ControlPlane;

use super::{http, page};
use crate::say::{self, Step};
use crate::stop::{self, Stop};
use crate::{kube, places, process, signals};

mod member;

pub(super) use member::Member;

const ACCOUNT: &str = "system:serviceaccount:vigla-system:vigla-registrar";
const PATIENCE: Duration = Duration::from_mins(1);
/// As in its deployment.
const DRAIN: Duration = Duration::from_secs(10);
/// Published in each namespace a moment after it was made; the registrar reads it.
const READY: &str = "/api/v1/namespaces/vigla-system/configmaps/kube-root-ca.crt";

/// What runs. Fields end in this order.
#[derive(Debug)]
pub(super) struct Cluster {
    registrar: Child,
    plane: ControlPlane,
    /// An `enrolment.toml` for one device.
    pub(super) claim: String,
}

/// Sees to it that there is a Kubernetes to start.
pub(super) fn programs() -> anyhow::Result<()> {
    if kube::get(None)? {
        return Ok(());
    }
    let message =
        "--cluster: there is no Kubernetes here: `cargo xtask kube --archive FILE` unpacks one";
    Err(Stop::with(stop::UNAVAILABLE, message))
}

/// Starts it all, and makes a claim.
pub(super) fn start() -> anyhow::Result<Cluster> {
    let step = Step::start("cluster");
    let plane = ControlPlane::start().context("start the API server")?;
    step.end(plane.url());
    let step = Step::start("install");
    let operator = |words: &[&str]| {
        let mut vigla = Command::new(places::beside("kubectl-vigla"));
        vigla.args(words).env("KUBECONFIG", plane.kubeconfig());
        process::output(&mut vigla)
    };
    operator(&["install"])?;
    until("the cluster publishes its authority", PATIENCE, || {
        (plane.has(READY) || signals::asked() > 0).then_some(())
    })?;
    signals::check()?;
    step.end("kubectl vigla install");
    let step = Step::start("registrar");
    let port = free_port()?;
    let registrar = registrar(&plane, port)?;
    let endpoint = format!("https://localhost:{port}");
    step.end(&endpoint);
    let step = Step::start("claim");
    let words = [
        "claim",
        "create",
        "--group",
        "laptop",
        "--expires",
        "1h",
        "--no-qr",
    ];
    let claim = operator(&[&words[..], &["--endpoint", &endpoint]].concat())?;
    step.end("kubectl vigla claim create --group laptop --expires 1h");
    Ok(Cluster {
        registrar,
        plane,
        claim,
    })
}

/// The program as a pod runs it, and until it says that it is ready.
fn registrar(plane: &ControlPlane, port: u16) -> anyhow::Result<Child> {
    let (folder, observe) = (plane.folder(), free_port()?);
    let settings = folder.join("etc/registrar.d");
    fs::create_dir_all(&settings)?;
    let text = format!("listen = \"127.0.0.1:{port}\"\nobserve = \"127.0.0.1:{observe}\"\n");
    #[allow(clippy::disallowed_methods, reason = "settings in a temporary folder")]
    fs::write(settings.join("50-run.toml"), text)?;
    let account = plane.kubeconfig_of("registrar", ACCOUNT, Some("system:serviceaccounts"))?;
    let log = folder.join("registrar.log");
    let mut command = Command::new(places::beside("vigla-registrar"));
    command
        .arg("--config-dir")
        .arg(folder.join("etc"))
        .arg("--kubeconfig")
        .arg(account)
        .stderr(File::create(&log)?);
    let mut child = Child::start("vigla-registrar", &mut command)?;
    until("the registrar is ready", PATIENCE, || {
        if signals::asked() > 0 || child.ended().is_some() {
            return Some(false);
        }
        let ready = http::get(observe, "/ready");
        ready
            .is_ok_and(|answer| answer.status == 200)
            .then_some(true)
    })?;
    signals::check()?;
    alive(&mut child, &log)?;
    Ok(child)
}

fn alive(registrar: &mut Child, log: &Path) -> anyhow::Result<()> {
    let Some(status) = registrar.ended() else {
        return Ok(());
    };
    let said = fs::read_to_string(log).unwrap_or_default();
    let last = said.lines().last().unwrap_or("it said nothing");
    anyhow::bail!("the registrar ended with {status}: {last}")
}

impl Cluster {
    /// Sees whether it still runs.
    pub(super) fn look_after(&mut self) -> anyhow::Result<()> {
        let log = self.plane.folder().join("registrar.log");
        alive(&mut self.registrar, &log)
    }

    /// What a person types to see it.
    pub(super) fn announce(&self, status: &str) {
        let kubectl = self.plane.kubectl();
        let programs = places::beside("kubectl-vigla");
        let folder = |path: &Path| path.parent().unwrap_or(path).display().to_string();
        say::line(format_args!(
            "\nThis machine is a device of the cluster. In another terminal:\n\n  \
             export KUBECONFIG={} PATH={}:{}:$PATH",
            self.plane.kubeconfig().display(),
            folder(&kubectl),
            folder(&programs),
        ));
        page::hint("kubectl get devices", "all devices, with phase and reason");
        let name = "$(kubectl get devices -o name | cut -d/ -f2)";
        page::hint(&format!("kubectl vigla device suspend {name}"), "");
        page::hint(&format!("kubectl vigla device release {name}"), "");
        page::hint(status, "");
        say::line("\nNothing runs on its node: there is no kubelet here, only its reports.");
    }

    /// Ends it in order.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let step = Step::start("cluster");
        self.registrar.stop(DRAIN)?;
        drop(self.plane);
        step.end("gone");
        Ok(())
    }
}
