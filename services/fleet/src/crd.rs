//! What the fleet is in the cluster: `EnrolmentClaim` and `Device`, of `vigla.org/v1alpha1`.
//!
//! The operator writes `spec`, the registrar `status`; only a phase that the registrar cannot decide is
//! asked of the operator (approve, suspend, forget, which board). Nothing in these is secret: what proves
//! a claim is in a Secret beside it.

#[allow(
    unreachable_pub,
    clippy::duplicated_attributes,
    reason = "columns are alike, and what the derives make is exported below"
)]
mod claim;
#[allow(
    unreachable_pub,
    clippy::duplicated_attributes,
    reason = "columns are alike, and what the derives make is exported below"
)]
mod device;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

pub use claim::{Approve, EnrolmentClaim, EnrolmentClaimSpec, EnrolmentClaimStatus};
pub use device::{Board, Device, DevicePhase, DeviceSpec, DeviceStatus};

/// Where claims, their secrets and the registrar live.
pub const NAMESPACE: &str = "vigla-system";
/// Who a claim, a use, a token or a node belongs to: the name of the device.
pub const LABEL_DEVICE: &str = "vigla.org/device";
/// Which claim a use is of: the public name of the claim, in small letters.
pub const LABEL_CLAIM: &str = "vigla.org/claim";
/// On the object that holds a network of pods for a device.
pub const LABEL_NETWORK: &str = "vigla.org/network";
/// Whose group a device is in.
pub const LABEL_GROUP: &str = "vigla.node-restriction.kubernetes.io/group";
/// Of updates. A node cannot change it itself.
pub const LABEL_RING: &str = "vigla.node-restriction.kubernetes.io/ring";
/// On a node until it was seen ready, and again while it is in doubt.
pub const TAINT: &str = "vigla.org/unverified";
/// The Secret with what proves a claim, before the claim's name.
pub const PROOF_PREFIX: &str = "claim-proof-";
/// The key in it: 32 bytes.
pub const PROOF_KEY: &str = "key";

/// The definitions that a cluster needs.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [EnrolmentClaim::crd(), Device::crd()]
}

/// The name of the claim's resource: its public name in small letters.
#[must_use]
pub fn claim_name(id: &crate::claim::ClaimId) -> String {
    id.as_str().to_ascii_lowercase()
}
