//! `Device`: one key, one node, for ever.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// What the operator says about a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "vigla.org",
    version = "v1alpha1",
    kind = "Device",
    category = "vigla",
    status = "DeviceStatus",
    derive = "PartialEq",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.node"),
    printcolumn(name = "Ring", type_ = "string", json_path = ".spec.ring"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Slot", type_ = "string", json_path = ".status.slot"),
    printcolumn(name = "Last seen", type_ = "date", json_path = ".status.lastSeen"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason"),
    printcolumn(
        name = "Model",
        type_ = "string",
        json_path = ".status.model",
        priority = "1"
    ),
    printcolumn(
        name = "Claim",
        type_ = "string",
        json_path = ".spec.claim",
        priority = "1"
    ),
    validation = "self.metadata.name == 'vigla-' + self.spec.keySha256.substring(0, 20)"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = "!oldSelf.forgotten || self.forgotten || self.claim != oldSelf.claim")]
pub struct DeviceSpec {
    /// SHA-256 of its public key, in hex: what it is.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    #[x_kube(validation = "self == oldSelf")]
    pub key_sha256: String,
    /// The claim with which it joined.
    #[schemars(regex(pattern = r"^[0-9a-hjkmnp-tv-z]{8}$"))]
    pub claim: String,
    /// What it has in common with others.
    #[serde(default)]
    pub group: String,
    /// Of updates.
    #[serde(default)]
    pub ring: String,
    /// A person has looked at it, or did not have to.
    #[serde(default)]
    pub approved: bool,
    /// It gets nothing, and what can be taken back is.
    #[serde(default)]
    pub suspended: bool,
    /// As suspended, for good: it needs a new claim.
    #[serde(default)]
    pub forgotten: bool,
    /// After a copy was suspected: the board that is the device. Empty: whichever is seen first.
    #[serde(default)]
    #[schemars(regex(pattern = r"^([0-9a-f]{64})?$"))]
    pub board: String,
}

/// Where a device is on its way.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub enum DevicePhase {
    /// Somebody has to approve it.
    #[default]
    Pending,
    /// A grant was made.
    Granted,
    /// Its node asked for its certificate.
    Joining,
    /// Its node was ready.
    Active,
    /// The operator has suspended it.
    Suspended,
    /// Two boards use its key.
    CloneSuspected,
    /// The operator has forgotten it.
    Forgotten,
}

impl From<DevicePhase> for crate::wire::Phase {
    fn from(phase: DevicePhase) -> Self {
        match phase {
            DevicePhase::Pending => Self::Pending,
            DevicePhase::Granted => Self::Granted,
            DevicePhase::Joining => Self::Joining,
            DevicePhase::Active => Self::Active,
            DevicePhase::Suspended => Self::Suspended,
            DevicePhase::CloneSuspected => Self::CloneSuspected,
            DevicePhase::Forgotten => Self::Forgotten,
        }
    }
}

/// What the registrar knows about a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceStatus {
    /// Where it is.
    #[serde(default)]
    pub phase: DevicePhase,
    /// Why, in a sentence; empty when all is well.
    #[serde(default)]
    pub reason: String,
    /// The name of its node, once there is one.
    #[serde(default)]
    pub node: String,
    /// Of its image, as it says.
    #[serde(default)]
    pub version: String,
    /// The slot of its image that runs, as it says.
    #[serde(default)]
    pub slot: String,
    /// Of its board, as it says.
    #[serde(default)]
    pub model: String,
    /// When it last asked for something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
    /// When the newest grant was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Time>,
    /// Of the newest grant.
    #[serde(default)]
    pub generation: i64,
    /// Of the newest grant that the device is known to hold.
    #[serde(default)]
    pub held: i64,
    /// The public half of the bootstrap token of the newest grant; empty when it was deleted.
    #[serde(default)]
    pub token: String,
    /// The number of the use of its claim; -1: none yet.
    #[serde(default = "none")]
    pub r#use: i32,
    /// Its board, and the one that was seen beside it.
    #[serde(default)]
    pub board: Board,
    /// `Granted`, `Joined`, `Unique`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

impl Default for DeviceStatus {
    /// Of a device that was made a moment ago: it has no use of its claim yet.
    fn default() -> Self {
        Self {
            phase: DevicePhase::Pending,
            reason: String::new(),
            node: String::new(),
            version: String::new(),
            slot: String::new(),
            model: String::new(),
            last_seen: None,
            granted_at: None,
            generation: 0,
            held: 0,
            token: String::new(),
            r#use: none(),
            board: Board::default(),
            conditions: Vec::new(),
        }
    }
}

/// Which board has the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    /// SHA-256 of the serial number, in hex; empty where there is none.
    #[serde(default)]
    pub known: String,
    /// Another one that came with the same key.
    #[serde(default)]
    pub other: String,
    /// The start of the machine that asked for the newest grant.
    #[serde(default)]
    pub boot: String,
}

const fn none() -> i32 {
    -1
}
