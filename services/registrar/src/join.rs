//! What follows a grant: the node's certificate, its first Ready, and what the operator says later.

mod request;

use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use vigla_fleet::crd::{Device, DevicePhase, DeviceStatus, TAINT};

use crate::cluster::{Cluster, Done, Fault};
use crate::follow::Seen;
use crate::objects::{condition, password_name, taint as our_taint};
use crate::registrar::Registrar;
use crate::settings::Flavour;

pub(crate) use request::{approved, request};

/// What cannot be taken back, said where the operator looks.
const REMAINS: &str = "node, token and password are deleted; Kubernetes has no way to take back the certificate of a node, which cannot make its node again";

/// A node changed: when it is ready for the first time its token goes, it is Active, its taint goes.
pub(crate) async fn node(registrar: &Registrar, name: &str, seen: &Seen) -> Done<()> {
    // Not known yet: it comes with an event of its own, and looks at its node.
    let Some(device) = registrar.follow.device(name) else {
        return Ok(());
    };
    let status = device.status.clone().unwrap_or_default();
    let cluster = &registrar.cluster;
    if status.phase == DevicePhase::CloneSuspected && !seen.is_tainted() {
        return taint(cluster, name).await;
    }
    let done = status.phase == DevicePhase::Active && status.token.is_empty();
    let may = !device.spec.suspended && !device.spec.forgotten && device.spec.approved;
    let under_way = matches!(
        status.phase,
        DevicePhase::Granted | DevicePhase::Joining | DevicePhase::Active
    );
    if !may || !under_way || !seen.joined || (done && !seen.is_tainted()) {
        return Ok(());
    }
    if !done && !has_joined(registrar, &status, seen) {
        return Ok(());
    }
    if !seen.ready {
        if status.phase == DevicePhase::Granted {
            let status = json!({ "phase": "Joining", "reason": "its node is not ready yet" });
            registrar.set_status(&device, status).await?;
        }
        return Ok(());
    }
    if done {
        // Only the taint is left, of a registrar that was killed, or since the node was changed in between.
        return untaint(registrar, name, seen).await;
    }
    cluster.remove_token(&status.token).await?;
    registrar.did("token-gone");
    // Before the taint goes: it fails when what we know of the device is not what it is now.
    let seconds = registrar.seconds();
    let conditions = condition(&status.conditions, "Joined", true, "NodeReady", seconds);
    let change = json!({
        "phase": "Active",
        "token": "",
        "held": status.generation,
        "lastSeen": crate::objects::time(seconds),
        "conditions": conditions,
    });
    let device = registrar.set_status(&device, change).await?;
    registrar.did("active");
    let claim = &device.spec.claim;
    let note = format!(
        "its node is ready; grant {}, claim `{claim}`",
        status.generation
    );
    registrar.tell(&device, "Joined", &note, false);
    registrar.metrics.joined.inc();
    tracing::info!(target: "audit", device = name, "active");
    if seen.is_tainted() {
        untaint(registrar, name, seen).await?;
    }
    Ok(())
}

/// Whether a node is what became of the newest grant, and not still that of the one before: its certificate
/// was had with the token, or, since K3s does not ask us, its kubelet was heard after the grant.
fn has_joined(registrar: &Registrar, status: &DeviceStatus, seen: &Seen) -> bool {
    if registrar.settings.cluster.flavour == Flavour::Upstream {
        return registrar.follow.is_spent(&status.token);
    }
    let joined = status.conditions.iter().find(|c| c.type_ == "Joined");
    joined.is_some_and(|joined| seen.said > joined.last_transition_time.0.as_second())
}

async fn untaint(registrar: &Registrar, name: &str, seen: &Seen) -> Done<()> {
    let others = seen.taints.iter().filter(|taint| taint.key != TAINT);
    let patch = json!({
        "metadata": { "resourceVersion": seen.version },
        "spec": { "taints": others.collect::<Vec<_>>() },
    });
    let nodes = registrar.cluster.nodes();
    let how = PatchParams::default();
    let node = nodes.patch(name, &how, &Patch::Merge(patch)).await?;
    registrar.follow.learn_node(&node);
    registrar.did("untainted");
    Ok(())
}

/// Puts the taint on a node that was trusted before.
pub(crate) async fn taint(cluster: &Cluster, name: &str) -> Done<()> {
    let Some(node) = cluster.nodes().get_opt(name).await? else {
        return Ok(());
    };
    let mut taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    if taints.iter().any(|taint| taint.key == TAINT) {
        return Ok(());
    }
    taints.push(our_taint());
    let patch = json!({
        "metadata": { "resourceVersion": node.metadata.resource_version },
        "spec": { "taints": taints },
    });
    let (api, patch) = (cluster.nodes(), Patch::Merge(patch));
    crate::cluster::gone(api.patch(name, &PatchParams::default(), &patch).await)
}

/// A device changed: does what the operator said.
pub(crate) async fn device(registrar: &Registrar, device: &Device) -> Done<()> {
    let Some(status) = device.status.clone() else {
        return Ok(());
    };
    let phase = status.phase;
    let change = if device.spec.forgotten {
        if phase == DevicePhase::Forgotten {
            return Ok(());
        }
        revoke(registrar, device).await?;
        json!({ "phase": "Forgotten", "reason": REMAINS, "token": "", "use": -1, "held": 0,
            "board": { "known": "", "other": "", "boot": "" } })
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
    } else if matches!(phase, DevicePhase::Granted | DevicePhase::Joining)
        && let Some(seen) = registrar.follow.node(&device.name_any())
    {
        // Its node was ready before we knew of it.
        return node(registrar, &device.name_any(), &seen).await;
    } else {
        return Ok(());
    };
    let device = &registrar.set_status(device, change.clone()).await?;
    let phase = change["phase"].as_str().unwrap_or_default();
    let reason = match phase {
        "Suspended" => "Suspended",
        "Forgotten" => "Forgotten",
        _ => "Released",
    };
    let note = change["reason"].as_str().unwrap_or_default();
    registrar.tell(device, reason, note, reason != "Released");
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
