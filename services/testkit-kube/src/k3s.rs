//! The conversation with which a K3s agent joins, both ends: [`K3s`] is the supervisor of a K3s server beside a
//! [`crate::ControlPlane`], as strict as the real one where it decides, and [`Agent`] asks as the real one does.
//!
//! ```text
//!  GET  /cacerts                    anyone; its hash is in the token
//!  POST /v1-k3s/serving-kubelet.crt, client-kubelet.crt       token, node name, node password; DER request
//!  POST /v1-k3s/client-kube-proxy.crt, client-k3s-controller.crt   token; DER request
//!  GET  /v1-k3s/{client-ca,server-ca}.crt, apiservers, config, readyz   token
//! ```
//!
//! Not of it: the tunnel, keys that are handed down to agents of before 2022, joining with a node's certificate.

mod agent;
mod form;
mod server;

pub use agent::Agent;
pub use form::{Token, ca_hash};
pub use server::K3s;
