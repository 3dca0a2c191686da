//! What follows a grant: the node's certificate, its first Ready, and what the operator says later.

mod request;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use vigla_fleet::crd::{Device, DevicePhase, TAINT};

use crate::cluster::{Cluster, Done, Fault};
use crate::follow::Seen;
use crate::objects::{condition, password_name, taint as our_taint};
use crate::registrar::Registrar;
use crate::settings::Flavour;

pub(crate) use request::request;

/// What cannot be taken back, said where the operator looks.
const REMAINS: &str = "node, token and password are deleted; Kubernetes has no way to take back the certificate of a node, which cannot make its node again";

/// A node changed: when it is ready for the first time its token goes, then its taint, then it is Active.
pub(crate) async fn node(registrar: &Registrar, node: &Node, seen: &Seen) -> Done<()> {
    let name = node.name_any();
    let Some(device) = registrar.follow.device(&name) else {
        return Ok(());
    };
    let status = device.status.clone().unwrap_or_default();
    if device.spec.suspended || device.spec.forgotten || !device.spec.approved {
        return Ok(());
    }
    let under_way = matches!(
        status.phase,
        DevicePhase::Granted | DevicePhase::Joining | DevicePhase::Active
    );
    if !under_way || !seen.joined {
        return Ok(());
    }
    let cluster = &registrar.cluster;
    let seconds = registrar.seconds();
    if !seen.ready {
        if status.phase == DevicePhase::Granted {
            let status = json!({ "phase": "Joining", "reason": "its node is not ready yet" });
            cluster.set_status(&device, status).await?;
        }
        return Ok(());
    }
    if status.phase == DevicePhase::Active && status.token.is_empty() && !seen.tainted {
        return Ok(());
    }
    cluster.remove_token(&status.token).await?;
    if seen.tainted {
        untaint(cluster, node).await?;
    }
    let conditions = condition(&status.conditions, "Joined", true, "NodeReady", seconds);
    let change = json!({
        "phase": "Active",
        "token": "",
        "held": status.generation,
        "lastSeen": crate::objects::time(seconds),
        "conditions": conditions,
    });
    cluster.set_status(&device, change).await?;
    registrar.metrics.joined.inc();
    tracing::info!(target: "audit", device = name, "active");
    Ok(())
}

async fn untaint(cluster: &Cluster, node: &Node) -> Done<()> {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone());
    let others: Vec<_> = taints
        .unwrap_or_default()
        .into_iter()
        .filter(|taint| taint.key != TAINT)
        .collect();
    let patch = json!({
        "metadata": { "resourceVersion": node.resource_version() },
        "spec": { "taints": others },
    });
    cluster
        .nodes()
        .patch(
            &node.name_any(),
            &PatchParams::default(),
            &Patch::Merge(patch),
        )
        .await?;
    Ok(())
}

/// Puts the taint on a node that was trusted before.
pub(crate) async fn taint(cluster: &Cluster, name: &str) -> Done<()> {
    // By the key of the taint: others stay.
    let patch = json!({ "spec": { "taints": [our_taint()] } });
    let patched = cluster
        .nodes()
        .patch(name, &PatchParams::default(), &Patch::Strategic(patch))
        .await;
    crate::cluster::gone(patched)
}

/// A device changed: does what the operator said.
pub(crate) async fn device(registrar: &Registrar, device: &Device) -> Done<()> {
    let Some(status) = device.status.clone() else {
        return Ok(());
    };
    let cluster = &registrar.cluster;
    let phase = status.phase;
    let change = if device.spec.forgotten {
        if phase == DevicePhase::Forgotten {
            return Ok(());
        }
        revoke(registrar, device).await?;
        json!({ "phase": "Forgotten", "reason": REMAINS, "token": "", "use": -1, "held": 0,
            "board": { "known": "", "other": "" } })
    } else if device.spec.suspended {
        if phase == DevicePhase::Suspended {
            return Ok(());
        }
        revoke(registrar, device).await?;
        json!({ "phase": "Suspended", "reason": REMAINS, "token": "" })
    } else if phase == DevicePhase::Suspended {
        json!({ "phase": "Pending", "reason": "released: it enrols again when it asks next" })
    } else if phase == DevicePhase::CloneSuspected && !device.spec.board.is_empty() {
        json!({ "phase": "Granted", "reason": "released: one board was chosen",
            "board": { "known": device.spec.board, "other": "" } })
    } else {
        return Ok(());
    };
    cluster.set_status(device, change.clone()).await?;
    tracing::info!(target: "audit", device = device.name_any(), phase = %change["phase"], "the operator decided");
    registrar.publish_revoked().await
}

/// Takes back what can be taken back.
async fn revoke(registrar: &Registrar, device: &Device) -> Done<()> {
    let cluster = &registrar.cluster;
    let status = device.status.clone().unwrap_or_default();
    cluster.remove_token(&status.token).await?;
    if registrar.settings.cluster.flavour == Flavour::K3s {
        cluster
            .remove_secret(&password_name(&device.name_any()))
            .await?;
    }
    match cluster.remove_node(&device.name_any()).await {
        Err(Fault::Absent) => Ok(()),
        other => other,
    }
}
