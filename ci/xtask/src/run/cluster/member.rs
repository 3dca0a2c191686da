//! The device's side of a run: the kubelet's part, and what `viglactl` says of the way into the fleet.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::grant::{Cluster, Grant};
use vigla_fleet::signed::Signed;
use vigla_testkit_kube::Kubelet;

use super::super::live::Live;
use crate::say::{self, Step};
use crate::{process, signals};

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// Of the kubelet; a node that is silent for 40 s is not ready any more.
const HEARTBEAT: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(2);

/// What `viglactl enrolment status --json` has.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
struct Shown {
    state: String,
    sentence: String,
    node_name: String,
}

/// Who may verify the grant: see the state folder of `vigla-enrolment`.
#[derive(Debug, Deserialize)]
struct Service {
    pins: Vec<Fingerprint>,
}

/// This machine as a device.
#[derive(Debug)]
pub(crate) struct Member {
    /// Where the grant is that counts.
    current: PathBuf,
    bus: String,
    /// Of the generation that it joined with; none when the cluster does not want it.
    kubelet: Option<Kubelet>,
    generation: u64,
    reported: Instant,
    looked: Instant,
    told: Shown,
}

impl Member {
    pub(crate) fn new(live: &Live) -> Self {
        Self {
            current: live.folder().join("state/enrolment/current"),
            bus: live.bus(),
            kubelet: None,
            generation: 0,
            reported: Instant::now()
                .checked_sub(HEARTBEAT)
                .unwrap_or_else(Instant::now),
            looked: Instant::now(),
            told: Shown::default(),
        }
    }

    /// Until it belongs to the fleet; `meanwhile` looks after the services.
    pub(crate) fn joins(
        &mut self,
        mut meanwhile: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let step = Step::start("fleet");
        let deadline = Instant::now() + PATIENCE;
        while self.told.state != "confirmed" {
            signals::check()?;
            meanwhile()?;
            anyhow::ensure!(Instant::now() < deadline, "{}", self.told.sentence);
            self.look();
            signals::pause(TICK);
        }
        step.end(format_args!("`{}` belongs to it", self.told.node_name));
        Ok(())
    }

    /// Plays the kubelet's part, and tells what is new.
    pub(crate) fn look(&mut self) {
        if self.looked.elapsed() < PERIOD {
            return;
        }
        self.looked = Instant::now();
        self.play();
        let status = self.ctl(&["enrolment", "status", "--json"]);
        let shown = status
            .ok()
            .and_then(|text| serde_json::from_str::<Shown>(&text).ok());
        let Some(shown) = shown.filter(|shown| *shown != self.told) else {
            return;
        };
        if self.told.sentence != shown.sentence {
            say::line(format_args!("  {:<10} {}", "fleet", shown.sentence));
        }
        self.told = shown;
    }

    fn play(&mut self) {
        let grant = self
            .grant()
            .filter(|grant| grant.generation != self.generation);
        if let Some(grant) = grant {
            match join(&grant) {
                Ok(kubelet) => self.kubelet = Some(kubelet),
                Err(error) => return say::trouble(format_args!("  kubelet    {error:#}")),
            }
            self.generation = grant.generation;
        } else if self.reported.elapsed() < HEARTBEAT {
            return;
        }
        self.reported = Instant::now();
        match self.kubelet.as_ref().map(Kubelet::report) {
            Some(Ok(false)) => {
                self.kubelet = None;
                say::line("  kubelet    the cluster has no such node any more");
            }
            Some(Err(error)) => return say::trouble(format_args!("  kubelet    {error:#}")),
            Some(Ok(true)) | None => {}
        }
        // Who looks on does not want to wait as long as a device that spares its registrar.
        if self.told.state != "confirmed" || self.kubelet.is_none() {
            let _ = self.ctl(&["enrolment", "retry"]);
        }
    }

    /// What the cluster's agent reads.
    fn grant(&self) -> Option<Grant> {
        let read = |name| fs::read(self.current.join(name)).ok();
        let service: Service = serde_json::from_slice(&read("service.json")?).ok()?;
        let signed: Signed<Grant> = serde_json::from_slice(&read("grant.json")?).ok()?;
        signed.open(&service.pins).ok()
    }

    fn ctl(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut ctl = Command::new(crate::places::beside("viglactl"));
        ctl.args(words).env("DBUS_SYSTEM_BUS_ADDRESS", &self.bus);
        process::output(&mut ctl)
    }
}

fn join(grant: &Grant) -> anyhow::Result<Kubelet> {
    match &grant.cluster {
        Cluster::Upstream { server, token, ca } => {
            Kubelet::join(server, ca, token.reveal(), &grant.node)
        }
        Cluster::K3s { .. } => anyhow::bail!("a K3s agent is not played here"),
    }
}
