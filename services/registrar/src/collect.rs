//! What is left of enrolments that nobody went on with, cleared away.
//!
//! | left over                                  | what becomes of it              |
//! |--------------------------------------------|---------------------------------|
//! | a device that never got a use of its claim | it goes: the claim may be used by another |
//! | a use whose device is gone, or has another | it is given back                |
//! | a node that was made and never joined      | it goes, its token too; the device may ask again |
//! | a token past its time                      | the cluster itself deletes it   |

use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Preconditions};
use serde_json::json;
use vigla_fleet::crd::{Device, DevicePhase, EnrolmentClaim, LABEL_CLAIM, LABEL_DEVICE};

use crate::cluster::{Done, Fault, gone};
use crate::objects::number_of;
use crate::registrar::Registrar;

/// Looks once; gives how much was cleared away.
pub(crate) async fn once(registrar: &Registrar) -> Done<u64> {
    let cluster = &registrar.cluster;
    let devices = cluster.devices().list(&ListParams::default()).await?.items;
    let mut cleared = 0;
    for device in &devices {
        if is_old(
            registrar,
            device.creation_timestamp().map(|t| t.0.as_second()),
        ) {
            cleared += half(registrar, device).await?;
        }
    }
    let labels = ListParams::default().labels(LABEL_DEVICE);
    let uses = cluster.uses().list(&labels).await?;
    let mut counts = std::collections::BTreeMap::<String, i32>::new();
    for lease in &uses {
        let labels = lease.labels();
        let (device, claim) = (labels.get(LABEL_DEVICE), labels.get(LABEL_CLAIM));
        let (Some(device), Some(claim)) = (device, claim) else {
            continue;
        };
        let number = number_of(&lease.name_any()).unwrap_or(-1);
        let owner = devices.iter().find(|known| known.name_any() == *device);
        let kept = owner.is_some_and(|owner| {
            // What is not recorded yet may be recorded in a moment.
            let recorded = owner.status.as_ref().map_or(-1, |status| status.r#use);
            owner.spec.claim != *claim || recorded == number || recorded < 0
        });
        let old = is_old(
            registrar,
            lease.creation_timestamp().map(|t| t.0.as_second()),
        );
        if kept || !old {
            *counts.entry(claim.clone()).or_default() += 1;
        } else {
            cluster.give_back(claim, number).await?;
            cleared += 1;
        }
    }
    let claims = cluster.claims().list(&ListParams::default()).await?;
    for claim in &claims {
        count(
            registrar,
            claim,
            counts.get(&claim.name_any()).copied().unwrap_or(0),
        )
        .await?;
    }
    Ok(cleared)
}

fn is_old(registrar: &Registrar, made: Option<i64>) -> bool {
    let after = i64::try_from(registrar.settings.collect.after.get().as_secs()).unwrap_or(i64::MAX);
    made.is_some_and(|made| registrar.seconds().saturating_sub(made) >= after)
}

/// A device that did not get to its end.
async fn half(registrar: &Registrar, device: &Device) -> Done<u64> {
    let cluster = &registrar.cluster;
    let name = device.name_any();
    let Some(status) = &device.status else {
        // It has no use, or nobody wrote it down: whoever comes again begins anew.
        let only = Preconditions {
            resource_version: device.resource_version(),
            uid: device.uid(),
        };
        let how = DeleteParams::default().preconditions(only);
        gone(cluster.devices().delete(&name, &how).await)?;
        return Ok(1);
    };
    let granted = status.granted_at.as_ref().or(status.last_seen.as_ref());
    let granted = granted.map(|time| time.0.as_second());
    let waits = matches!(status.phase, DevicePhase::Granted | DevicePhase::Joining);
    if !waits || status.node.is_empty() || !is_old(registrar, granted) {
        return Ok(0);
    }
    if registrar.follow.node(&name).is_some_and(|node| node.joined) {
        return Ok(0);
    }
    let change = json!({
        "phase": "Granted",
        "reason": "it was given a grant and did not join: it may ask again",
        "node": "",
        "token": "",
    });
    match registrar.set_status(device, change).await {
        // Somebody works on it.
        Err(Fault::Conflict) => return Ok(0),
        other => other?,
    };
    cluster.remove_token(&status.token).await?;
    cluster.remove_node(&name).await?;
    registrar.tell(
        device,
        "NeverJoined",
        "it was given a grant and did not join: its node is deleted",
        true,
    );
    Ok(1)
}

/// The number of uses, for people.
async fn count(registrar: &Registrar, claim: &EnrolmentClaim, uses: i32) -> Done<()> {
    if claim.status.as_ref().map_or(0, |status| status.uses) == uses {
        return Ok(());
    }
    let patch = kube::api::Patch::Merge(json!({ "status": { "uses": uses } }));
    let how = kube::api::PatchParams::default();
    let name = claim.name_any();
    gone(
        registrar
            .cluster
            .claims()
            .patch_status(&name, &how, &patch)
            .await,
    )
}
