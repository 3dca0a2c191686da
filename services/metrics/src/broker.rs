//! The MQTT sink: one connection after the other, for ever.
//!
//! Each connection starts from nothing: a new client, the availability and the discovery documents
//! (retained, in no account), then whatever waits in the outbox. A message is settled when the
//! broker acknowledges it; when the connection is lost everything unacknowledged waits again. So a
//! message may arrive twice and is never counted twice. A crash leaves the last will, `offline`; a
//! clean end says `stopped`.
//!
//! The sink has a thread of its own: its farewell needs a connection after the daemon was told to
//! stop, and a slow broker must not slow the counting.

mod fault;
mod link;
mod session;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vigla_kit::Problems;

use crate::backoff::Backoff;
use crate::config::{Address, Protocol, Settings, Tls};
use crate::discovery::Documents;
use crate::metrics::Series;
use crate::outbox::Outbox;
use crate::topics::Topics;
use fault::Fault;
use link::{Event, Opening};
use session::Session;

/// How the sink stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No connection; trying.
    Connecting,
    /// Connected.
    Connected,
    /// The broker answers and does not want us; trying all the same.
    Refused,
}

impl State {
    /// The word on the bus.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Refused => "refused",
        }
    }
}

/// The sink and what it needs.
#[derive(Debug)]
pub struct Broker {
    pub(crate) address: Address,
    pub(crate) protocol: Protocol,
    pub(crate) persistent: bool,
    pub(crate) tls: Tls,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) keep_alive: Duration,
    pub(crate) longest_wait: Duration,
    pub(crate) node_id: String,
    pub(crate) topics: Topics,
    pub(crate) outbox: Outbox,
    /// The discovery documents that should stand at the broker.
    pub(crate) documents: watch::Receiver<Documents>,
    /// The documents that we know it has.
    pub(crate) announced: Documents,
    pub(crate) state: watch::Sender<State>,
    pub(crate) problems: Problems,
    pub(crate) series: Series,
}

/// What the sink shares with the rest of the daemon.
#[derive(Debug)]
pub struct Shared {
    /// Where messages wait.
    pub outbox: Outbox,
    /// The discovery documents that should stand at the broker.
    pub documents: watch::Receiver<Documents>,
    /// Where the sink says how it stands.
    pub state: watch::Sender<State>,
    /// Where it says why it is degraded.
    pub problems: Problems,
    /// What it counts.
    pub series: Series,
}

impl Broker {
    /// The sink of `settings` for `node_id`.
    #[must_use]
    pub fn new(settings: &Settings, node_id: &str, topics: Topics, shared: Shared) -> Self {
        let Shared {
            outbox,
            documents,
            state,
            problems,
            series,
        } = shared;
        Self {
            address: settings.broker.clone(),
            protocol: settings.protocol,
            persistent: settings.persistent_session,
            tls: settings.tls.clone(),
            user: settings.user.clone(),
            password_file: settings.password_file.clone(),
            keep_alive: settings.keep_alive.get(),
            longest_wait: settings.longest_wait.get(),
            node_id: node_id.to_owned(),
            topics,
            outbox,
            documents,
            announced: Documents::new(),
            state,
            problems,
            series,
        }
    }

    /// Connects, publishes and reconnects until `stop`; then says farewell if it can.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(self.longest_wait, &self.node_id);
        let mut said = String::new();
        while let Err(fault) = self.connection(&stop, &mut backoff).await {
            self.outbox.reclaim();
            self.report(&fault);
            // What is wrong with a file of ours stands in the log once, where the problem sends a person.
            let why = fault.to_string();
            if fault.is_ours() && said != why {
                tracing::error!("cannot connect to the broker: {why}");
                said = why;
            }
            let wait = backoff.wait();
            tracing::debug!(broker = %self.address, error = %fault, wait_ms = wait.as_millis(), "trying again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One connection, from dialling to its loss; `Ok` when we were told to stop.
    async fn connection(
        &mut self,
        stop: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), Fault> {
        self.series.attempts.inc();
        let (client, mut events) = self.opening()?.open();
        let first = tokio::select! {
            first = events.poll() => first?,
            () = stop.cancelled() => return Ok(()),
        };
        let Event::Accepted(terms) = first else {
            return Err(Fault::away("it does not speak MQTT"));
        };
        self.series.connects.inc();
        self.series.connected.set(1);
        self.state.send_replace(State::Connected);
        self.problems.replace(&Fault::CODES, Vec::new());
        tracing::info!(broker = %self.address, "connected");
        let result = Session::new(client, terms, self, backoff)
            .drive(&mut events, stop)
            .await;
        self.series.connected.set(0);
        result
    }

    fn report(&self, fault: &Fault) {
        self.state.send_replace(if fault.is_refusal() {
            State::Refused
        } else {
            State::Connecting
        });
        let problem = fault.problem(&self.address.to_string());
        self.problems.replace(&Fault::CODES, vec![problem]);
    }

    /// Files are read at each attempt, so that a new password or certificate needs no restart.
    fn opening(&self) -> Result<Opening<'_>, Fault> {
        let tls = self
            .tls
            .enabled
            .then(|| tls::client(&self.tls, self.address.port));
        let login = match self.user.as_str() {
            "" => None,
            user => Some((user.to_owned(), self.password()?)),
        };
        Ok(Opening {
            protocol: self.protocol,
            address: &self.address,
            node_id: &self.node_id,
            will: self.topics.availability(),
            keep_alive: self.keep_alive,
            login,
            tls: tls.transpose()?,
            persistent: self.persistent,
        })
    }

    fn password(&self) -> Result<String, Fault> {
        if self.password_file.as_os_str().is_empty() {
            return Ok(String::new());
        }
        let text = std::fs::read_to_string(&self.password_file);
        let text = text.map_err(|error| Fault::file(&self.password_file, error))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
