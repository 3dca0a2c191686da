//! The objects that are made in the cluster: plain data, no I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{Node, NodeSpec, ObjectReference, Secret, Taint};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition, MicroTime, ObjectMeta, OwnerReference, Time,
};
use k8s_openapi::jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};
use vigla_fleet::crd::{
    Device, DeviceSpec, EnrolmentClaim, LABEL_CLAIM, LABEL_DEVICE, LABEL_GROUP, LABEL_NETWORK,
    LABEL_RING, NAMESPACE, TAINT,
};
use vigla_fleet::secret::Secret as Hidden;

/// Where the API server looks for tokens and K3s for passwords.
pub(crate) const SYSTEM: &str = "kube-system";
/// What a holder of one of our tokens is, beside `system:bootstrappers`.
pub(crate) const GROUP: &str = "system:bootstrappers:vigla";
/// The same where K3s looks.
pub(crate) const GROUP_K3S: &str = "system:bootstrappers:k3s:default-node-token";
/// Who approves and who asks, in the objects' histories.
pub(crate) const MANAGER: &str = "vigla-registrar";

/// Seconds since 1970 as the API has them.
pub(crate) fn time(seconds: i64) -> Time {
    Time(Timestamp::from_second(seconds).unwrap_or_default())
}

/// A device that joins with a claim.
pub(crate) fn device(name: &str, key: &str, claim: &EnrolmentClaim) -> Device {
    Device::new(name, spec(key, claim))
}

pub(crate) fn spec(key: &str, claim: &EnrolmentClaim) -> DeviceSpec {
    DeviceSpec {
        key_sha256: key.to_owned(),
        claim: claim.name_any(),
        group: claim.spec.group.clone(),
        ring: claim.spec.ring.clone(),
        approved: crate::decide::approved_at_once(claim),
        suspended: false,
        forgotten: false,
        board: String::new(),
    }
}

/// A use of a claim: that this object can be made once only is what counts the uses.
pub(crate) fn use_of(claim: &EnrolmentClaim, number: i32, device: &str) -> Lease {
    let labels = [
        (LABEL_CLAIM.to_owned(), claim.name_any()),
        (LABEL_DEVICE.to_owned(), device.to_owned()),
    ];
    Lease {
        metadata: ObjectMeta {
            name: Some(use_name(&claim.name_any(), number)),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some(labels.into()),
            owner_references: claim.owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(device.to_owned()),
            ..LeaseSpec::default()
        }),
    }
}

pub(crate) fn use_name(claim: &str, number: i32) -> String {
    format!("use-{claim}-{number}")
}

/// So many networks of 64 addresses are in 100.64.0.0/10.
pub(crate) const NETWORKS: u32 = 1 << 16;

/// One of them.
pub(crate) fn network(number: u32) -> String {
    let first = u32::from(std::net::Ipv4Addr::new(100, 64, 0, 0));
    let address = std::net::Ipv4Addr::from(first + (number % NETWORKS) * 64);
    format!("{address}/26")
}

/// Holds a network for a device, and goes with it.
pub(crate) fn network_of(device: &Device, number: u32) -> Lease {
    let name = device.name_any();
    let labels = [
        (LABEL_NETWORK.to_owned(), String::new()),
        (LABEL_DEVICE.to_owned(), name.clone()),
    ];
    Lease {
        metadata: ObjectMeta {
            name: Some(format!("network-{number}")),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some(labels.into()),
            owner_references: owner(device).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(name),
            ..LeaseSpec::default()
        }),
    }
}

/// Where events of objects without a namespace are.
pub(crate) const EVENTS: &str = "default";

/// What people are told of a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News<'n> {
    /// One word, such as `Joined`.
    pub(crate) reason: &'n str,
    /// A sentence.
    pub(crate) note: &'n str,
    /// Somebody should look at it.
    pub(crate) warns: bool,
}

/// An event of a device; `now` in microseconds since 1970.
pub(crate) fn event(device: &Device, news: News<'_>, now: u64, instance: &str) -> Event {
    let at = i64::try_from(now)
        .ok()
        .and_then(|now| Timestamp::from_microsecond(now).ok());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{now:x}", device.name_any())),
            namespace: Some(EVENTS.to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(at.unwrap_or_default())),
        action: Some("Decide".to_owned()),
        reason: Some(news.reason.to_owned()),
        note: Some(news.note.to_owned()),
        type_: Some(if news.warns { "Warning" } else { "Normal" }.to_owned()),
        reporting_controller: Some(format!("vigla.org/{MANAGER}")),
        reporting_instance: Some(instance.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(Device::api_version(&()).into_owned()),
            kind: Some(Device::kind(&()).into_owned()),
            name: Some(device.name_any()),
            uid: device.uid(),
            resource_version: device.resource_version(),
            ..ObjectReference::default()
        }),
        ..Event::default()
    }
}

/// The number in the name of a use.
pub(crate) fn number_of(name: &str) -> Option<i32> {
    name.rsplit('-').next()?.parse().ok()
}

/// The node of a device, before it joins: its name is taken then.
pub(crate) fn node(
    device: &Device,
    claim: Option<&EnrolmentClaim>,
    network: Option<String>,
) -> Node {
    let name = device.name_any();
    let mut labels: BTreeMap<String, String> = claim
        .map(|claim| claim.spec.labels.clone())
        .unwrap_or_default();
    labels.insert(LABEL_DEVICE.to_owned(), name.clone());
    let more = [
        (LABEL_GROUP, &device.spec.group),
        (LABEL_RING, &device.spec.ring),
    ];
    for (label, value) in more {
        if !value.is_empty() {
            labels.insert(label.to_owned(), value.clone());
        }
    }
    Node {
        metadata: ObjectMeta {
            name: Some(name),
            labels: Some(labels),
            owner_references: owner(device).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec {
            taints: Some(vec![taint()]),
            pod_cidrs: network.clone().map(|network| vec![network]),
            pod_cidr: network,
            ..NodeSpec::default()
        }),
        status: None,
    }
}

pub(crate) fn taint() -> Taint {
    Taint {
        key: TAINT.to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    }
}

fn owner(device: &Device) -> Option<OwnerReference> {
    device.owner_ref(&())
}

/// A bootstrap token: its public half is its name.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) secret: Hidden,
}

impl Token {
    /// `<id>.<secret>`.
    pub(crate) fn whole(&self) -> Hidden {
        Hidden::new(format!("{}.{}", self.id, self.secret.reveal()))
    }
}

pub(crate) fn token_name(id: &str) -> String {
    format!("bootstrap-token-{id}")
}

/// The Secret of a token.
pub(crate) fn token(token: &Token, device: &Device, groups: &str, ends: i64) -> Secret {
    let text = |text: &str| text.to_owned();
    let data = [
        ("token-id", text(&token.id)),
        ("token-secret", text(token.secret.reveal())),
        ("expiration", time(ends).0.to_string()),
        ("usage-bootstrap-authentication", text("true")),
        ("auth-extra-groups", text(groups)),
        ("description", format!("For {}.", device.name_any())),
    ];
    let name = token_name(&token.id);
    hidden(name, "bootstrap.kubernetes.io/token", data, device)
}

pub(crate) fn password_name(node: &str) -> String {
    format!("{node}.node-password.k3s")
}

/// The Secret with which K3s reserves the name of a node.
pub(crate) fn password(hash: String, device: &Device) -> Secret {
    let name = password_name(&device.name_any());
    let kind = "k3s.cattle.io/node-password";
    let mut secret = hidden(name, kind, [("hash", hash)], device);
    secret.immutable = Some(true);
    secret
}

fn hidden<const N: usize>(
    name: String,
    kind: &str,
    data: [(&str, String); N],
    device: &Device,
) -> Secret {
    let data = data.map(|(key, value)| (key.to_owned(), value));
    Secret {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(SYSTEM.to_owned()),
            labels: Some([(LABEL_DEVICE.to_owned(), device.name_any())].into()),
            owner_references: owner(device).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        type_: Some(kind.to_owned()),
        string_data: Some(data.into()),
        ..Secret::default()
    }
}

/// `conditions` with one of them as it is now; its time changes only when its status does.
pub(crate) fn condition(
    conditions: &[Condition],
    kind: &str,
    holds: bool,
    reason: &str,
    now: i64,
) -> Vec<Condition> {
    let status = if holds { "True" } else { "False" };
    let before = conditions.iter().find(|c| c.type_ == kind);
    let since = before
        .filter(|before| before.status == status)
        .map_or_else(|| time(now), |before| before.last_transition_time.clone());
    let mut all: Vec<_> = conditions
        .iter()
        .filter(|condition| condition.type_ != kind)
        .cloned()
        .collect();
    all.push(Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        last_transition_time: since,
        message: String::new(),
        observed_generation: None,
    });
    all
}

/// A change of a device's status that fails when somebody else has changed the device in between.
pub(crate) fn status_patch(device: &Device, mut status: Value) -> Value {
    if let Some(object) = status.as_object_mut() {
        object.entry("reason").or_insert(json!(""));
    }
    json!({
        "metadata": { "resourceVersion": device.resource_version() },
        "status": status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_lie_side_by_side() {
        assert_eq!(network(0), "100.64.0.0/26");
        assert_eq!(network(1), "100.64.0.64/26");
        assert_eq!(network(NETWORKS - 1), "100.127.255.192/26");
    }
}
