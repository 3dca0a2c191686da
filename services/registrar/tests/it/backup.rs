//! The cluster is lost, and a new one gets what was kept: devices come back with their keys, and nobody gets in twice.

use vigla_cloud::{backup, device};
use vigla_fleet::crd::DevicePhase;
use vigla_fleet::wire::Refusal;
use vigla_testkit_kube::ControlPlane;

use crate::device::{SimDevice, kubelet};
use crate::rig::{order, until, within};

#[test]
fn devices_come_back_to_a_cluster_that_was_restored() {
    let Some(lost) = ControlPlane::own() else {
        return;
    };
    let mut kept = None;
    within(lost, async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(3)).await;
        let mut stays = SimDevice::new(&invitation);
        rig.joins(&mut stays).await;
        let mut suspended = SimDevice::new(&invitation);
        let grant = rig.joins(&mut suspended).await;
        device::suspend(&rig.client, &grant.node).await.unwrap();
        rig.phase(&grant.node, DevicePhase::Suspended).await;
        let text = backup::save(&rig.client).await.unwrap();
        kept = Some((text, stays, suspended));
        replica.end().await;
    });
    let (text, mut stays, mut suspended) = kept.unwrap();
    let new = ControlPlane::own().unwrap();
    within(new, async |rig| {
        let count = backup::restore(&rig.client, &text).await.unwrap();
        assert_eq!(count, text.lines().count());
        // Interrupted and begun again it is the same.
        backup::restore(&rig.client, &text).await.unwrap();
        let replica = rig.registrar().await;
        let endpoint: vigla_fleet::endpoint::Endpoint = replica.endpoint().parse().unwrap();
        for known in [&mut stays, &mut suspended] {
            known.invitation.endpoint = endpoint.clone();
        }
        // It believes the registrar, which has the same authority, and is told what to do.
        until("it is told to enrol again", async || {
            stays.standing().await.enrol_again.then_some(())
        })
        .await;
        stays.with_claim = false;
        let grant = stays.enrol().await;
        assert_eq!(grant.generation, 2);
        kubelet(&rig, &grant).await;
        rig.phase(&grant.node, DevicePhase::Active).await;
        assert_eq!(suspended.refused().await, Refusal::Suspended);

        // Of the claim's three uses one is left.
        let mut third = SimDevice::new(&stays.invitation);
        third.enrol().await;
        let fourth = SimDevice::new(&stays.invitation);
        assert_eq!(fourth.refused().await, Refusal::ClaimUsedUp);
        replica.serving.collect().await.unwrap();
        assert_eq!(fourth.refused().await, Refusal::ClaimUsedUp);
        let other = text.replace(&stays.name(), "vigla-00000000000000000000");
        assert!(backup::restore(&rig.client, &other).await.is_err());
        replica.end().await;
    });
}
