//! A real Kubernetes control plane for tests and for `cargo xtask run --cluster`: kube-apiserver,
//! kube-controller-manager and kine with `SQLite`, as they are, without root.
//!
//! Everything it has is below one temporary folder: its own CA, its data, its logs. One TCP port of
//! loopback listens. Where we are root the programs run as nobody. They die with this process,
//! whatever happens, and are gone, with their folder, when the [`ControlPlane`] is dropped. The
//! programs come from the user's cache, where `cargo xtask kube` puts them; a test without them
//! says so aloud and passes ([`ControlPlane::shared`]).
//!
//! It is a crate of its own since only the cloud's side is tested with it, and the other tests
//! need neither its TLS nor its certificates. A [`Kubelet`] is what the API server sees of one, without a
//! machine behind it; a node with a real kubelet belongs beside it, as `Node`.

mod control_plane;
mod k3s;
mod keeper;
mod kubelet;
mod pki;
mod probe;
mod programs;

pub use control_plane::ControlPlane;
pub use k3s::{Agent, K3s, Token, ca_hash};
pub use kubelet::Kubelet;
pub use pki::Identity;
pub use programs::{Programs, VERSION};
