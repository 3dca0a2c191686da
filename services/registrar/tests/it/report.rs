//! What devices say of themselves, and what people are told.

use std::process::Command;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use vigla_cloud::device;
use vigla_fleet::crd::{Approve, DevicePhase};
use vigla_fleet::wire::{Answer, Refusal};
use vigla_registrar::Settings;

use crate::device::{SimDevice, kubelet};
use crate::rig::{Rig, order, until, with_cluster};

async fn told(rig: &Rig, device: &str) -> Vec<String> {
    let events: Api<Event> = Api::namespaced(rig.client.clone(), "default");
    let all = events.list(&ListParams::default()).await.unwrap();
    let of_it = all.into_iter().filter(|event| {
        let about = event.regarding.as_ref();
        about.is_some_and(|about| about.name.as_deref() == Some(device))
    });
    of_it.filter_map(|event| event.reason).collect()
}

#[test]
fn what_a_device_says_of_itself_is_shown() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut pi = SimDevice::new(&invitation);
        let grant = pi.enrol().await;
        kubelet(&rig, &grant).await;
        let active = rig.phase(&grant.node, DevicePhase::Active).await;
        let seen = active.status.unwrap().last_seen.unwrap();
        let status = until("version and slot are shown", async || {
            pi.report("1.2.3", "b").await.ok()?;
            let status = rig.device(&pi.name()).await?.status?;
            (status.version == "1.2.3" && status.slot == "b").then_some(status)
        })
        .await;
        assert!(status.last_seen.unwrap() >= seen);
        let mut kubectl = Command::new(rig.plane.kubectl());
        kubectl.env("KUBECONFIG", rig.plane.kubeconfig());
        kubectl.args(["get", "device", &pi.name()]);
        let said = kubectl.env("HOME", rig.plane.folder()).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let (head, row) = said.split_once('\n').unwrap();
        for column in [
            "PHASE",
            "NODE",
            "RING",
            "VERSION",
            "SLOT",
            "LAST SEEN",
            "REASON",
        ] {
            assert!(head.contains(column), "{said}");
        }
        for value in ["Active", "canary", "1.2.3", " b "] {
            assert!(row.contains(value), "{said}");
        }

        // Another board that reports with the same key gives itself away.
        let mut copy = pi.clone();
        copy.facts.hardware = "cd".repeat(32);
        let word = until("it is suspected", async || {
            match copy.report("", "").await {
                Err(Answer::Refused { word, .. }) => Some(word),
                other => panic!("{other:?}"),
            }
        })
        .await;
        assert_eq!(word, Refusal::CloneSuspected);
        rig.phase(&pi.name(), DevicePhase::CloneSuspected).await;
        replica.end().await;
    });
}

#[test]
fn decisions_are_events() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let mut manual = order(1);
        manual.approve = Approve::Manual;
        let invitation = rig.claim(&replica, manual).await;
        let mut pi = SimDevice::new(&invitation);
        let name = pi.name();
        let waits = pi.ask().await.unwrap();
        assert!(matches!(waits, Answer::Wait { .. }), "{waits:?}");
        device::approve(&rig.client, &name).await.unwrap();
        let grant = pi.enrol().await;
        kubelet(&rig, &grant).await;
        rig.phase(&name, DevicePhase::Active).await;
        device::suspend(&rig.client, &name).await.unwrap();
        rig.phase(&name, DevicePhase::Suspended).await;
        device::release(&rig.client, &name, None).await.unwrap();
        rig.phase(&name, DevicePhase::Pending).await;
        for reason in ["WaitsForApproval", "Joined", "Suspended", "Released"] {
            until(reason, async || {
                told(&rig, &name)
                    .await
                    .iter()
                    .any(|told| told == reason)
                    .then_some(())
            })
            .await;
        }
        replica.end().await;
    });
}

#[test]
fn networks_that_we_allocate_are_unique_and_stay() {
    with_cluster(async |rig| {
        let mut settings = Settings::default();
        settings.cluster.allocate = true;
        let replica = rig.registrar_with(settings, None).await;
        let invitation = rig.claim(&replica, order(8)).await;
        let mut devices: Vec<_> = (0..8).map(|_| SimDevice::new(&invitation)).collect();
        let asked = devices.iter_mut().map(SimDevice::enrol);
        let grants = futures_util::future::join_all(asked).await;
        let mut networks: Vec<_> = grants.iter().filter_map(|g| g.pod_cidr.clone()).collect();
        networks.sort_unstable();
        networks.dedup();
        assert_eq!(networks.len(), 8, "{networks:?}");
        assert!(
            networks
                .iter()
                .all(|n| n.starts_with("100.") && n.ends_with("/26"))
        );

        // Its node goes and comes back: the network is the same, and so is the number of them.
        let nodes: Api<Node> = Api::all(rig.client.clone());
        let how = DeleteParams::default();
        nodes.delete(&grants[0].node, &how).await.unwrap();
        until("it is gone", async || {
            nodes
                .get_opt(&grants[0].node)
                .await
                .unwrap()
                .is_none()
                .then_some(())
        })
        .await;
        let again = devices[0].enrol().await;
        assert_eq!(again.pod_cidr, grants[0].pod_cidr);
        let leases: Api<Lease> = Api::namespaced(rig.client.clone(), "vigla-system");
        let of_it = format!("vigla.org/network,vigla.org/device={}", again.node);
        let list = ListParams::default().labels(&of_it);
        assert_eq!(leases.list(&list).await.unwrap().items.len(), 1);
        replica.end().await;
    });
}
