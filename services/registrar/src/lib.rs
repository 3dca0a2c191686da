//! The registrar makes devices nodes of its cluster.
//!
//! ```text
//!  device ──POST /v1/enrol──► judge ► Device ► use of the claim ► Node ► token ► signed grant
//!  kubelet ──CSR with the token──► approved when it is the token of that very device
//!  Node Ready ──► token deleted, taint lifted, phase Active
//!  operator ──spec of Device──► suspended, released, forgotten
//! ```
//!
//! It keeps nothing but in the API server: several replicas work side by side without a leader, and what
//! two of them do at once is decided by names that can be made once and by resource versions. What is to
//! be done next for a device is a function of what exists (`decide`), so a replica may die anywhere.

mod authority;
mod cluster;
mod collect;
mod decide;
mod enrol;
mod follow;
mod http;
mod join;
mod k3s;
mod limits;
mod metrics;
mod objects;
mod registrar;
mod server;
mod settings;

use std::net::SocketAddr;
use std::time::Duration;

use kube::Client;
use tokio::time;

pub use registrar::{Hook, Parts};
pub use settings::{Cluster, Collect, Flavour, Limits, Mqtt, PodNetwork, Settings};

use registrar::Registrar;

/// Requests that are being answered get so long to end.
const DRAIN: Duration = Duration::from_secs(8);

/// How often is looked whether the operator has changed an authority, or a list has become old.
const LOOK: Duration = Duration::from_mins(1);

/// A replica that serves.
#[derive(Debug)]
pub struct Serving {
    registrar: std::sync::Arc<Registrar>,
    /// Where devices ask.
    pub devices: SocketAddr,
    /// Where health and metrics are.
    pub observers: SocketAddr,
}

/// Starts a replica. `server`: the API server as devices reach it.
///
/// # Errors
///
/// The API server cannot be reached, an authority is damaged, or a port is taken.
pub async fn start(parts: Parts, client: Client, server: &str) -> anyhow::Result<Serving> {
    let (listen, observe) = (parts.settings.listen, parts.settings.observe);
    let registrar = Registrar::new(parts, client, server).await?;
    let devices = server::listen(listen).await?;
    let observers = server::listen(observe).await?;
    let serving = Serving {
        devices: devices.local_addr()?,
        observers: observers.local_addr()?,
        registrar: registrar.clone(),
    };
    let tasks = &registrar.tasks;
    follow::start(&registrar);
    tasks.spawn(server::devices(registrar.clone(), devices));
    tasks.spawn(server::observers(registrar.clone(), observers));
    tasks.spawn(tend(registrar.clone()));
    tracing::info!(address = %serving.devices, "devices may ask");
    Ok(serving)
}

impl Serving {
    /// Waits until it is told to stop, and then for what is being answered.
    pub async fn end(&self) {
        self.registrar.stop.cancelled().await;
        self.registrar.tasks.close();
        if time::timeout(DRAIN, self.registrar.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some work did not end in time, leaving it");
        }
    }

    /// Clears away at once what is done once in a while; gives how much.
    ///
    /// # Errors
    ///
    /// The API server cannot be reached.
    pub async fn collect(&self) -> anyhow::Result<u64> {
        Ok(collect::once(&self.registrar).await?)
    }

    /// Looks at once whether the operator has changed an authority, or the list of what is revoked is old.
    ///
    /// # Errors
    ///
    /// The API server cannot be reached, or an authority is damaged.
    pub async fn look(&self) -> anyhow::Result<()> {
        self.registrar.look().await?;
        Ok(self.registrar.refresh_revoked().await?)
    }

    /// Requests to the API server so far, watches included.
    pub fn requests(&self) -> u64 {
        self.registrar.metrics.requests.get()
    }
}

/// What others changed, and what grows old.
async fn look_after(registrar: &Registrar) {
    if let Err(error) = registrar.look().await {
        tracing::warn!(
            error = format!("{error:#}"),
            "cannot look at the authorities now, trying later"
        );
    }
    if let Err(error) = registrar.refresh_revoked().await {
        tracing::warn!(%error, "cannot publish what is revoked now, trying later");
    }
}

/// What is done once in a while.
async fn tend(registrar: std::sync::Arc<Registrar>) {
    let mut look = time::interval(LOOK);
    look.tick().await;
    let mut collect = time::interval(registrar.settings.collect.every.get());
    let mut renew = time::interval(authority::RENEW);
    collect.tick().await;
    renew.tick().await;
    loop {
        tokio::select! {
            () = registrar.stop.cancelled() => return,
            _ = collect.tick() => match collect::once(&registrar).await {
                Ok(0) => {}
                Ok(cleared) => {
                    registrar.metrics.collected.inc_by(cleared);
                    tracing::info!(cleared, "cleared away what enrolments left");
                }
                Err(error) => tracing::warn!(%error, "cannot clear away now, trying later"),
            },
            _ = look.tick() => look_after(&registrar).await,
            _ = renew.tick() => if let Err(error) = registrar.renew().await {
                tracing::warn!(error = format!("{error:#}"), "cannot make new certificates, going on with the old ones");
            },
        }
    }
}
