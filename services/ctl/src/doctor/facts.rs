//! What the doctor knows: what the services say of themselves, and what this machine shows.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use vigla_bus::Problem;
use vigla_bus::names::{DEVICE, METRICS, SERVICES, Service};

use super::file;
use super::local::{self, Clock, Device, Disk};
use crate::client::{Client, Health};
use crate::config;
use crate::fault::Fault;

/// Who does not answer a greeting for so long does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Problems whose subject is a file that we can look at.
const FILES: [&str; 4] = ["library-broken", "library-foreign", "tls-file", "tls-key"];

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Why there is no bus, if so.
    pub(super) no_bus: Option<String>,
    pub(super) daemons: Vec<Daemon>,
    /// What a connection to the broker said, by its address.
    pub(super) doors: BTreeMap<String, String>,
    /// What is seen of a file that a problem is about.
    pub(super) files: BTreeMap<String, String>,
    /// Services that run and whose metrics cannot be gathered.
    pub(super) unscraped: Vec<String>,
    /// Why nobody could say whose metrics can be gathered, if so.
    pub(super) ungathered: Option<String>,
    pub(super) devices: Vec<Device>,
    pub(super) disks: Vec<Disk>,
    /// Why a folder could not be looked at.
    pub(super) unseen: Vec<String>,
    pub(super) clock: Clock,
}

/// One service.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) service: Service,
    pub(super) state: State,
}

/// How a service is.
#[derive(Debug)]
pub(super) enum State {
    Running(Vec<Problem>),
    /// On the bus, and gives no answer.
    Silent,
    /// Not on the bus; and what systemd says about that.
    Absent(local::Unit),
    /// We may not ask.
    Denied(String),
}

impl Facts {
    /// Asks and looks. Takes seconds where something hangs.
    pub(super) async fn gather() -> Self {
        let (disks, unseen) = local::disks();
        let mut facts = Self {
            devices: local::devices(),
            disks,
            unseen,
            clock: local::clock(),
            ..Self::default()
        };
        match Client::connect().await {
            Ok(client) => facts.ask(&client).await,
            Err(fault) => facts.no_bus = Some(fault.to_string()),
        }
        facts
    }

    async fn ask(&mut self, client: &Client) {
        for service in SERVICES {
            let state = match client.health(service).await {
                Ok(Health::Known { problems, .. }) => State::Running(problems),
                Ok(Health::Silent) => State::Silent,
                Ok(Health::Absent) => State::Absent(local::unit(service.binary)),
                Err(fault) => State::Denied(fault.to_string()),
            };
            self.daemons.push(Daemon { service, state });
        }
        for service in DEVICE {
            // Missed where it is installed; a laptop has none.
            if let Ok(Health::Known { problems, .. }) = client.health(service).await {
                let state = State::Running(problems);
                self.daemons.push(Daemon { service, state });
            } else if config::installed(service) {
                let state = State::Absent(local::unit(service.binary));
                self.daemons.push(Daemon { service, state });
            }
        }
        for problem in self.problems().cloned().collect::<Vec<_>>() {
            if problem.code == "no-broker" {
                let said = dial(&problem.subject).await;
                self.doors.insert(problem.subject, said);
            } else if problem.code == "not-joined" {
                if let Some(said) = way(client).await {
                    self.doors.insert(problem.subject, said);
                }
            } else if FILES.contains(&problem.code.as_str()) {
                let seen = file::look(problem.subject.as_ref(), problem.code.as_str());
                self.files.insert(problem.subject, seen);
            }
        }
        match self.unscraped(client).await {
            Ok(unscraped) => self.unscraped = unscraped,
            Err(why) => self.ungathered = Some(why),
        }
    }

    /// Everything that any service says of itself.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.daemons.iter().flat_map(|daemon| match &daemon.state {
            State::Running(problems) => problems.as_slice(),
            _ => &[],
        })
    }

    /// Who runs and is not gathered, or why nobody says.
    async fn unscraped(&self, client: &Client) -> Result<Vec<String>, String> {
        let metrics = client.metrics().await.map_err(|fault| fault.to_string())?;
        let page = match timeout(PATIENCE, metrics.gather()).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => {
                return Err(Fault::call(METRICS.binary, "gather the metrics", &error).to_string());
            }
            Err(_) => return Err(format!("`{}` does not gather in time", METRICS.binary)),
        };
        let running = self
            .daemons
            .iter()
            .filter(|daemon| matches!(daemon.state, State::Running(_)));
        let unscraped = running
            .filter(|daemon| {
                let line = format!(
                    "vigla_metrics_scrape_up{{service=\"{}\"}} 0",
                    daemon.service.noun
                );
                page.lines().any(|found| found == line)
            })
            .map(|daemon| daemon.service.binary.to_owned());
        Ok(unscraped.collect())
    }
}

/// The first part of the way to the registrar that fails: file, dns, tcp, proxy, clock, tls, pin, claim, name.
async fn way(client: &Client) -> Option<String> {
    let checks = client.enrolment().await.ok()?.diagnose().await.ok()?;
    let failed = checks.into_iter().find(|check| check.result == "failed")?;
    Some(format!("{} ({})", failed.detail, failed.name))
}

/// What a TCP connection to `address` says.
async fn dial(address: &str) -> String {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => "something listens there, and does not speak MQTT as it is set".to_owned(),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "the machine is there, and nothing listens on this port".to_owned()
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer: the machine is off, or a firewall is between".to_owned(),
    }
}
