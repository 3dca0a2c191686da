//! What an operator does with a fleet: install the registrar, make and revoke claims, decide about
//! devices. `kubectl-vigla` is the command line over it; `kubectl vigla` runs that.
//!
//! Everything is written with the operator's own rights into the API server; the registrar does what
//! follows. So this needs no connection to a registrar, and works from any machine with a kubeconfig.

pub mod authority;
pub mod backup;
pub mod claim;
pub mod device;
pub mod install;

mod chart;
