//! The grant: everything that a device needs to join its cluster, and to stay what it is.
//!
//! It comes [signed](crate::signed), so that it can be kept on a disk and verified at any start.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::secret::Secret;
use crate::signed::Signable;

/// What a registrar gives to one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// [`crate::wire::VERSION`].
    pub version: u32,
    /// Whom it is for.
    pub device: Fingerprint,
    /// The name of the node, made of `device`.
    pub node: String,
    /// Counts the grants for this device; greater than that of the grant before.
    pub generation: u64,
    /// How the device joins.
    pub cluster: Cluster,
    /// The network of the pods on this node; `None`: the node is told by its cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_cidr: Option<String>,
    /// Who answers for names of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
    /// Where counts go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<Mqtt>,
    /// Of updates; empty: none.
    #[serde(default)]
    pub ring: String,
    /// Labels that the node gives itself.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The pins that hold from now on; never empty.
    pub ca_sha256: Vec<Fingerprint>,
    /// When it was made: seconds since 1970, as the registrar knows them.
    pub server_time: u64,
    /// When the token in it ends, in the same seconds. What else is in it stays valid.
    pub not_after: u64,
}

/// How a device joins its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "flavour", rename_all = "kebab-case")]
pub enum Cluster {
    /// A K3s agent.
    K3s {
        /// Like `https://master.example:6443`.
        server: String,
        /// `K10<hash of the CA>::<id>.<secret>`.
        token: Secret,
        /// What reserves the name of the node.
        node_password: Secret,
    },
    /// A kubelet of Kubernetes.
    Upstream {
        /// Like `https://master.example:6443`.
        server: String,
        /// `<id>.<secret>`.
        token: Secret,
        /// Whom to trust as the server: PEM.
        ca: String,
    },
}

impl Cluster {
    /// Like `https://master.example:6443`.
    #[must_use]
    pub fn server(&self) -> &str {
        match self {
            Self::K3s { server, .. } | Self::Upstream { server, .. } => server,
        }
    }
}

/// Who answers for names of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Of the server.
    pub address: IpAddr,
    /// Like `cluster.local`.
    pub domain: String,
}

/// Where counts go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mqtt {
    /// Like `mqtts://broker.example:8883`.
    pub endpoint: String,
    /// The device's certificate, for its own key, and what is between it and its authority: PEM.
    pub chain: String,
    /// Whom to trust as the broker: PEM.
    pub ca: String,
}

impl Signable for Grant {
    const PURPOSE: &'static str = "vigla grant v1";

    fn made_at(&self) -> u64 {
        self.server_time
    }
}
