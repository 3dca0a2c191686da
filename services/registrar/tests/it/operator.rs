//! What the operator decides, and what becomes of it.

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::DeleteParams;
use vigla_cloud::device::{self, Which};
use vigla_fleet::crd::{Approve, DevicePhase, TAINT};
use vigla_fleet::wire::{Answer, Phase, Refusal, Waiting};

use crate::device::{SimDevice, kubelet, request_certificate, token};
use crate::rig::{order, until, with_cluster};

#[test]
fn a_device_waits_until_somebody_approves_it() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let mut manual = order(1);
        manual.approve = Approve::Manual;
        let invitation = rig.claim(&replica, manual).await;
        let mut waits = SimDevice::new(&invitation);
        for _ in 0..2 {
            let answer = waits.ask().await.unwrap();
            let Answer::Wait { reason, .. } = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(reason, Waiting::Approval);
        }
        rig.phase(&waits.name(), DevicePhase::Pending).await;
        let nodes: Api<Node> = Api::all(rig.client.clone());
        assert!(nodes.get_opt(&waits.name()).await.unwrap().is_none());
        // It holds its use: others do not push in.
        assert_eq!(
            SimDevice::new(&invitation).refused().await,
            Refusal::ClaimUsedUp
        );
        device::approve(&rig.client, &waits.name()).await.unwrap();
        rig.joins(&mut waits).await;
        replica.end().await;
    });
}

#[test]
fn suspended_released_forgotten() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(2)).await;
        let mut pi = SimDevice::new(&invitation);
        rig.joins(&mut pi).await;
        let name = pi.name();
        let nodes: Api<Node> = Api::all(rig.client.clone());

        device::suspend(&rig.client, &name).await.unwrap();
        let suspended = rig.phase(&name, DevicePhase::Suspended).await;
        assert!(
            suspended
                .status
                .unwrap()
                .reason
                .contains("no way to take back")
        );
        assert!(nodes.get_opt(&name).await.unwrap().is_none());
        assert_eq!(pi.refused().await, Refusal::Suspended);

        device::release(&rig.client, &name, None).await.unwrap();
        rig.phase(&name, DevicePhase::Pending).await;
        until("it is told to enrol again", async || {
            pi.standing().await.enrol_again.then_some(())
        })
        .await;
        // With its key alone: the claim is used.
        pi.with_claim = false;
        let grant = pi.enrol().await;
        assert_eq!(grant.generation, 2);
        kubelet(&rig, &grant).await;
        rig.phase(&name, DevicePhase::Active).await;

        device::forget(&rig.client, &name).await.unwrap();
        rig.phase(&name, DevicePhase::Forgotten).await;
        assert!(nodes.get_opt(&name).await.unwrap().is_none());
        assert_eq!(pi.refused().await, Refusal::Forgotten);
        pi.with_claim = true;
        assert_eq!(
            pi.refused().await,
            Refusal::Forgotten,
            "the old claim does not do"
        );
        pi.invitation = rig.claim(&replica, order(1)).await;
        let grant = pi.enrol().await;
        kubelet(&rig, &grant).await;
        rig.phase(&name, DevicePhase::Active).await;
        replica.end().await;
    });
}

#[test]
fn a_node_that_was_deleted_comes_back_by_the_key() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut pi = SimDevice::new(&invitation);
        let grant = rig.joins(&mut pi).await;
        let nodes: Api<Node> = Api::all(rig.client.clone());
        nodes
            .delete(&grant.node, &DeleteParams::default())
            .await
            .unwrap();
        until("it is told to enrol again", async || {
            pi.standing().await.enrol_again.then_some(())
        })
        .await;
        pi.with_claim = false;
        let grant = pi.enrol().await;
        assert_eq!(grant.generation, 2);
        kubelet(&rig, &grant).await;
        rig.phase(&grant.node, DevicePhase::Active).await;
        replica.end().await;
    });
}

#[test]
fn a_copy_is_seen_and_the_operator_chooses() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut pi = SimDevice::new(&invitation);
        let grant = rig.joins(&mut pi).await;
        let mut copy = pi.clone();
        copy.facts.hardware = "ab".repeat(32);
        assert_eq!(copy.refused().await, Refusal::CloneSuspected);
        rig.phase(&pi.name(), DevicePhase::CloneSuspected).await;
        assert_eq!(
            pi.refused().await,
            Refusal::CloneSuspected,
            "nobody knows which is which"
        );
        let nodes: Api<Node> = Api::all(rig.client.clone());
        until("the node is tainted", async || {
            let taints = nodes.get(&grant.node).await.unwrap().spec?.taints?;
            taints.iter().any(|taint| taint.key == TAINT).then_some(())
        })
        .await;
        let unsaid = device::release(&rig.client, &pi.name(), None).await;
        assert!(unsaid.unwrap_err().to_string().contains("--board"));
        device::release(&rig.client, &pi.name(), Some(Which::Known))
            .await
            .unwrap();
        rig.phase(&pi.name(), DevicePhase::Granted).await;
        assert_eq!(copy.refused().await, Refusal::CloneSuspected);
        let grant = pi.enrol().await;
        assert_eq!(grant.generation, 2);
        kubelet(&rig, &grant).await;
        rig.phase(&grant.node, DevicePhase::Active).await;
        assert_eq!(pi.standing().await.phase, Phase::Active);
        replica.end().await;
    });
}

#[test]
fn a_copy_of_a_board_without_a_number_is_seen_by_the_count_of_grants() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut pi = SimDevice::new(&invitation);
        pi.facts.hardware = String::new();
        rig.joins(&mut pi).await;
        let mut copy = pi.clone();
        copy.facts.boot_id = "boot-2".to_owned();
        // It goes on, and the copy does not know of it.
        rig.joins(&mut pi).await;
        until("the copy is seen", async || {
            (copy.refused().await == Refusal::CloneSuspected).then_some(())
        })
        .await;
        let name = pi.name();
        rig.phase(&name, DevicePhase::CloneSuspected).await;
        assert_eq!(pi.refused().await, Refusal::CloneSuspected);
        // The copy is reset, and the operator says so.
        let unclear = device::release(&rig.client, &name, None).await;
        assert!(unclear.unwrap_err().to_string().contains("suspend"));
        device::suspend(&rig.client, &name).await.unwrap();
        rig.phase(&name, DevicePhase::Suspended).await;
        device::release(&rig.client, &name, None).await.unwrap();
        rig.phase(&name, DevicePhase::Pending).await;
        rig.joins(&mut pi).await;
        replica.end().await;
    });
}

#[test]
fn suspended_while_it_joins_it_gets_no_certificate() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut pi = SimDevice::new(&invitation);
        let grant = pi.enrol().await;
        device::suspend(&rig.client, &pi.name()).await.unwrap();
        rig.phase(&pi.name(), DevicePhase::Suspended).await;
        // The API server still takes the deleted token for some seconds.
        let bearer = rig.client_bearing(token(&grant));
        if let Ok((request, _)) = request_certificate(&bearer, &grant.node).await {
            assert!(crate::device::decision(&rig, &request).await.is_err());
        }
        replica.end().await;
    });
}
