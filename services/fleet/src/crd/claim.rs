//! `EnrolmentClaim`: a code with which so many devices may join until then.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Who may join with it, how many, and until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "vigla.org",
    version = "v1alpha1",
    kind = "EnrolmentClaim",
    namespaced,
    shortname = "claim",
    category = "vigla",
    status = "EnrolmentClaimStatus",
    derive = "PartialEq",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.group"),
    printcolumn(name = "Uses", type_ = "integer", json_path = ".status.uses"),
    printcolumn(name = "Of", type_ = "integer", json_path = ".spec.maxUses"),
    printcolumn(name = "Expires", type_ = "date", json_path = ".spec.notAfter"),
    printcolumn(name = "Approve", type_ = "string", json_path = ".spec.approve"),
    printcolumn(name = "Revoked", type_ = "boolean", json_path = ".spec.revoked"),
    validation = "self.metadata.name.matches('^[0-9a-hjkmnp-tv-z]{8}$')"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = "self.revoked || !oldSelf.revoked")]
pub struct EnrolmentClaimSpec {
    /// What the devices have in common, a label of their nodes.
    #[serde(default)]
    #[x_kube(validation = "self == oldSelf")]
    #[schemars(regex(pattern = r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$"))]
    pub group: String,
    /// So many devices may join with it.
    #[schemars(range(min = 1, max = 100_000))]
    #[x_kube(validation = "self >= oldSelf")]
    pub max_uses: i32,
    /// Nobody can join with it from then on.
    pub not_after: Time,
    /// Whether a person has to look at each device first.
    #[serde(default)]
    pub approve: Approve,
    /// Models that may join with it; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub models: Vec<String>,
    /// Of updates, for the devices.
    #[serde(default)]
    #[schemars(regex(pattern = r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$"))]
    pub ring: String,
    /// Labels for the nodes, beside ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Taken back: for good.
    #[serde(default)]
    pub revoked: bool,
}

/// Whether a person has to look at each device first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Approve {
    /// No.
    #[default]
    Auto,
    /// Yes: `kubectl vigla device approve`.
    Manual,
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentClaimStatus {
    /// Devices that joined with it, as last counted.
    #[serde(default)]
    pub uses: i32,
}
