//! The program `vigla-enrolment`, as a device runs it: on a private bus, with a card and a state folder, looked
//! at with `viglactl`. What the cluster's agent reads of it is read here too.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::Command;

use kube::Client;
use serde_json::Value;
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::grant::Grant;
use vigla_fleet::invitation::{FILE, Invitation};
use vigla_fleet::signed::Signed;
use vigla_testkit::{Daemon, Rig as Bus, Who};

use crate::device::kubelet;
use crate::rig::{Rig, until};

pub(crate) struct Program {
    bus: Bus,
    daemon: Option<Daemon>,
}

impl Program {
    /// Started, with this file on its card.
    pub(crate) fn start(card: &str) -> Self {
        let mut program = Self {
            bus: Bus::start().unwrap(),
            daemon: None,
        };
        program.put(card);
        program.boot();
        program
    }

    /// Puts a file on the card, which the program rewrites itself here.
    pub(crate) fn put(&self, card: &str) {
        let folder = self.bus.dir().join("card");
        fs::create_dir_all(&folder).unwrap();
        let owner = self.bus.users().users.get("vigla-enrolment").copied();
        let owner = owner.filter(|_| self.bus.separate_users());
        vigla_kit::atomic::write(&folder.join(FILE), card.as_bytes()).unwrap();
        chown(folder.join(FILE), owner, owner).unwrap();
        chown(&folder, owner, owner).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    }

    pub(crate) fn card(&self) -> String {
        fs::read_to_string(self.bus.dir().join("card").join(FILE)).unwrap()
    }

    pub(crate) fn boot(&mut self) {
        let settings = format!(
            "file = \"{}\"\nerase_requests = \"\"\nboard_number = \"/nonexistent\"\n",
            self.bus.dir().join("card").join(FILE).display()
        );
        let builder = self.bus.daemon("enrolment").settings(&settings).arg("-vv");
        self.daemon = Some(builder.start().unwrap());
    }

    /// The power goes, and comes back.
    pub(crate) fn power_cut(&mut self) {
        self.daemon.take().unwrap().kill().unwrap();
        self.boot();
    }

    /// The words that a person types after `viglactl enrolment`, and what comes of them.
    pub(crate) fn ctl(&self, words: &[&str]) -> String {
        let program = std::env::current_exe().unwrap();
        let program = program.ancestors().nth(2).unwrap().join("viglactl");
        let mut command = Command::new(self.bus.share(&program).unwrap());
        command.args(words);
        self.bus.run_as(Who::Operator, &mut command);
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
    }

    pub(crate) fn shown(&self) -> Value {
        let said = self.ctl(&["enrolment", "status", "--json"]);
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
    }

    /// Until it is in this state for this reason, trying at once instead of in time.
    pub(crate) async fn is(&self, state: &str, reason: &str) -> Value {
        let what = format!("`{state}` with `{reason}`");
        let is = async {
            until(&what, async || {
                let shown = self.shown();
                if shown["state"] == state && shown["reason"] == reason {
                    return Some(shown);
                }
                self.ctl(&["enrolment", "retry"]);
                None
            })
            .await
        };
        // What it said is worth more than that it was not in time.
        let looked = tokio::time::timeout(crate::rig::PATIENCE * 9 / 10, is).await;
        looked.unwrap_or_else(|_| panic!("{what}: {}\n{}", self.shown(), self.log()))
    }

    pub(crate) fn log(&self) -> String {
        self.daemon.as_ref().map(Daemon::log).unwrap_or_default()
    }

    fn state(&self) -> PathBuf {
        self.bus.dir().join("state/enrolment")
    }

    /// The grant that counts, as the cluster's agent reads it.
    fn held(&self) -> Option<Grant> {
        let signed = fs::read(self.state().join("current/grant.json")).ok()?;
        let service = fs::read(self.state().join("current/service.json")).ok()?;
        let signed: Signed<Grant> = serde_json::from_slice(&signed).unwrap();
        let service: Value = serde_json::from_slice(&service).unwrap();
        let pins: Vec<Fingerprint> = serde_json::from_value(service["pins"].clone()).unwrap();
        Some(signed.open(&pins).unwrap())
    }

    /// Until it holds the grant of this generation.
    pub(crate) async fn granted(&self, generation: u64) -> Grant {
        until(&format!("grant {generation}"), async || {
            self.ctl(&["enrolment", "retry"]);
            self.held().filter(|grant| grant.generation == generation)
        })
        .await
    }

    /// With the grant of this generation its kubelet joins, and it says that it belongs to the fleet.
    pub(crate) async fn joins(&self, rig: &Rig, generation: u64) -> (Grant, Client) {
        let grant = self.granted(generation).await;
        let kubelet = kubelet(rig, &grant).await;
        self.is("confirmed", "").await;
        (grant, kubelet)
    }
}

/// What `viglactl` says in words.
pub(crate) fn invites(invitation: &Invitation) -> String {
    invitation.write().to_string()
}
