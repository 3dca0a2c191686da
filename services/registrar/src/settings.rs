//! The settings of `registrar.d`. `manual/10-default.toml` is the manual.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use vigla_kit::config::{DAY, HOUR, MINUTE, SECOND, Span};
use vigla_kit::{ConfigError, Locator};

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where devices ask, over TLS.
    pub listen: SocketAddr,
    /// Where health and metrics are, without TLS: for the cluster's own network.
    pub observe: SocketAddr,
    /// Names and addresses in the certificate: what devices call us.
    pub names: Vec<String>,
    /// The cluster that devices join.
    pub cluster: Cluster,
    /// Where the counts of devices go.
    pub mqtt: Mqtt,
    /// What is too much.
    pub limits: Limits,
    /// What is cleared away.
    pub collect: Collect,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            observe: SocketAddr::from(([0, 0, 0, 0], 9464)),
            names: vec!["localhost".to_owned()],
            cluster: Cluster::default(),
            mqtt: Mqtt::default(),
            limits: Limits::default(),
            collect: Collect::default(),
        }
    }
}

/// The cluster that devices join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// How it is joined.
    pub flavour: Flavour,
    /// The API server as devices reach it; empty: as we do.
    pub server: String,
    /// Where the network of a node's pods comes from.
    pub pod_network: PodNetwork,
    /// We allocate it, out of 100.64.0.0/10, in a cluster that does not.
    pub allocate: bool,
    /// How long a token lives.
    pub token: Span<MINUTE, { 15 * MINUTE }>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            flavour: Flavour::Upstream,
            server: String::new(),
            pod_network: PodNetwork::Cluster,
            allocate: false,
            token: Span::from_millis(15 * MINUTE),
        }
    }
}

/// How a cluster is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// By a K3s agent.
    K3s,
    /// By a kubelet.
    Upstream,
}

/// Where the network of a node's pods comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PodNetwork {
    /// The cluster allocates one, and it is waited for.
    Cluster,
    /// Devices are told none.
    None,
}

/// Where the counts of devices go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// Like `mqtts://broker.example:8883`; empty: devices get no certificate for one.
    pub endpoint: String,
}

/// What is too much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests to enrol that one address may make in a minute.
    pub per_address: u32,
    /// Requests to enrol that may bring one claim in a minute.
    pub per_claim: u32,
    /// Open connections.
    pub connections: u16,
    /// Requests that are worked on at once; others wait for their turn.
    pub at_once: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_address: 60,
            per_claim: 600,
            connections: 2048,
            at_once: 64,
        }
    }
}

/// What is cleared away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collect {
    /// How often is looked.
    pub every: Span<SECOND, DAY>,
    /// What is left of an enrolment that nobody went on with for so long.
    pub after: Span<SECOND, { 30 * DAY }>,
}

impl Default for Collect {
    fn default() -> Self {
        Self {
            every: Span::from_millis(5 * MINUTE),
            after: Span::from_millis(HOUR),
        }
    }
}

impl vigla_kit::Settings for Settings {
    fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        if self.names.is_empty() {
            return Err(at.error("names", "a certificate needs a name".to_owned()));
        }
        if self.cluster.allocate && self.cluster.pod_network == PodNetwork::None {
            let message =
                "networks are allocated, and `pod_network` says that devices are told none";
            return Err(at.error("cluster.allocate", message.to_owned()));
        }
        let server = &self.cluster.server;
        if !server.is_empty() && !server.starts_with("https://") {
            let message = format!("`{server}` does not begin with `https://`");
            return Err(at.error("cluster.server", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_says_what_the_defaults_are() {
        let text = include_str!("../manual/10-default.toml");
        assert_eq!(
            toml::from_str::<Settings>(text).unwrap(),
            Settings::default()
        );
        let named = toml::from_str::<toml::Table>(text).unwrap();
        let all = toml::Table::try_from(Settings::default()).unwrap();
        assert_eq!(named, all, "every key is in the manual");
    }

    #[test]
    fn what_is_out_of_range_or_unknown_is_refused() {
        for wrong in [
            "listen = 8443",
            "colour = 1",
            "[cluster]\ntoken = \"16m\"",
            "[cluster]\nflavour = \"k8s\"",
            "[collect]\nevery = \"0s\"",
            "[limits]\nconnections = -1",
        ] {
            assert!(toml::from_str::<Settings>(wrong).is_err(), "{wrong}");
        }
    }
}
