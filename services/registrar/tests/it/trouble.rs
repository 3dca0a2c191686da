//! Two at once, killed in the middle, the API server away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Secret};
use kube::Api;
use kube::api::ListParams;
use vigla_fleet::crd::{DevicePhase, TAINT};
use vigla_fleet::wire::{Answer, Refusal};
use vigla_registrar::{Collect, Hook, Settings};

use crate::device::{SimDevice, kubelet, token};
use crate::rig::{Rig, alone, order, with_cluster};

async fn uses(rig: &Rig, device: &str) -> Vec<String> {
    let leases: Api<Lease> = Api::namespaced(rig.client.clone(), "vigla-system");
    let list = ListParams::default().labels(&format!("vigla.org/device={device}"));
    let all = leases.list(&list).await.unwrap();
    all.iter().map(kube::ResourceExt::name_any).collect()
}

async fn tokens(rig: &Rig, device: &str) -> Vec<String> {
    let secrets: Api<Secret> = Api::namespaced(rig.client.clone(), "kube-system");
    let list = ListParams::default().labels(&format!("vigla.org/device={device}"));
    let all = secrets.list(&list).await.unwrap();
    all.iter().map(kube::ResourceExt::name_any).collect()
}

#[test]
fn two_registrars_and_one_use_left() {
    with_cluster(async |rig| {
        let (one, two) = (rig.registrar().await, rig.registrar().await);
        let here = rig.claim(&one, order(1)).await;
        let mut there = here.clone();
        there.endpoint = two.endpoint().parse().unwrap();
        let devices: Vec<_> = (0..8)
            .map(|at| SimDevice::new(if at % 2 == 0 { &here } else { &there }))
            .collect();
        let asked = devices.iter().map(SimDevice::ask);
        let answers = futures_util::future::join_all(asked).await;
        let granted = answers
            .iter()
            .filter(|answer| matches!(answer, Ok(Answer::Grant { .. })))
            .count();
        let used_up = answers.iter().filter(|answer| {
            matches!(
                answer,
                Ok(Answer::Refused {
                    word: Refusal::ClaimUsedUp,
                    ..
                })
            )
        });
        assert_eq!((granted, used_up.count()), (1, 7), "{answers:?}");
        one.end().await;
        two.end().await;
    });
}

#[test]
fn one_device_that_asks_two_registrars_at_once_is_one_device() {
    with_cluster(async |rig| {
        let (one, two) = (rig.registrar().await, rig.registrar().await);
        let here = rig.claim(&one, order(8)).await;
        let mut device = SimDevice::new(&here);
        let mut other = device.clone();
        other.invitation.endpoint = two.endpoint().parse().unwrap();
        let asked = [&device, &other, &device, &other].map(SimDevice::ask);
        let answers = futures_util::future::join_all(asked).await;
        for answer in &answers {
            let fine = matches!(
                answer,
                Ok(Answer::Grant { .. }
                    | Answer::Refused {
                        word: Refusal::TooMany,
                        ..
                    })
            );
            assert!(fine, "{answer:?}");
        }
        let grant = device.enrol().await;
        assert_eq!(
            grant.generation,
            1,
            "{:?}",
            rig.device(&device.name()).await
        );
        assert_eq!(uses(&rig, &device.name()).await.len(), 1);
        assert_eq!(tokens(&rig, &device.name()).await.len(), 1);
        kubelet(&rig, &grant).await;
        rig.phase(&grant.node, DevicePhase::Active).await;
        one.end().await;
        two.end().await;
    });
}

/// Dies in the request, after a step: what is awaited there never comes back.
#[test]
fn killed_after_any_step_the_next_one_goes_on() {
    with_cluster(async |rig| {
        for step in ["device", "use", "node", "record", "token"] {
            let killed = Arc::new(AtomicBool::new(false));
            let hook = {
                let killed = killed.clone();
                Hook(Arc::new(move |reached| {
                    let first = reached == step && !killed.swap(true, Ordering::SeqCst);
                    assert!(!first, "killed after `{reached}`");
                }))
            };
            let dying = rig.registrar_with(Settings::default(), Some(hook)).await;
            let invitation = rig.claim(&dying, order(1)).await;
            let mut device = SimDevice::new(&invitation);
            assert!(
                device.ask().await.is_err(),
                "the answer is lost after `{step}`"
            );
            assert!(killed.load(Ordering::SeqCst));
            drop(dying);
            let next = rig.registrar().await;
            device.invitation.endpoint = next.endpoint().parse().unwrap();
            let grant = device.enrol().await;
            assert_eq!(grant.generation, 1, "after `{step}`");
            assert_eq!(uses(&rig, &device.name()).await.len(), 1, "after `{step}`");
            assert_eq!(
                tokens(&rig, &device.name()).await.len(),
                1,
                "after `{step}`"
            );
            kubelet(&rig, &grant).await;
            rig.phase(&grant.node, DevicePhase::Active).await;
            next.end().await;
        }
    });
}

/// The same after the grant: the certificate, the token that goes, the phase, the taint.
#[test]
fn killed_while_a_node_joins_the_next_one_goes_on() {
    // Registrars of other tests would do it instead.
    alone(async |rig| {
        for step in ["decided", "token-gone", "active", "untainted"] {
            let killed = Arc::new(AtomicBool::new(false));
            let hook = {
                let killed = killed.clone();
                // Once killed it does nothing more, whatever else it had begun.
                Hook(Arc::new(move |reached| {
                    let dies = killed.load(Ordering::SeqCst) || reached == step;
                    killed.store(dies, Ordering::SeqCst);
                    assert!(!dies, "killed after `{reached}`");
                }))
            };
            let dying = rig.registrar_with(Settings::default(), Some(hook)).await;
            let invitation = rig.claim(&dying, order(1)).await;
            let mut device = SimDevice::new(&invitation);
            let grant = device.enrol().await;
            kubelet(&rig, &grant).await;
            crate::rig::until(&format!("it is killed after `{step}`"), async || {
                killed.load(Ordering::SeqCst).then_some(())
            })
            .await;
            drop(dying);
            let next = rig.registrar().await;
            rig.phase(&grant.node, DevicePhase::Active).await;
            let nodes: Api<Node> = Api::all(rig.client.clone());
            crate::rig::until("the taint is lifted", async || {
                let spec = nodes.get(&grant.node).await.unwrap().spec?;
                let taints = spec.taints.unwrap_or_default();
                taints.iter().all(|taint| taint.key != TAINT).then_some(())
            })
            .await;
            assert!(
                tokens(&rig, &device.name()).await.is_empty(),
                "after `{step}`"
            );
            next.end().await;
        }
    });
}

#[test]
fn the_api_server_goes_away_and_comes_back() {
    alone(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(2)).await;
        let mut before = SimDevice::new(&invitation);
        let grant = before.enrol().await;
        let plane = rig.plane.clone();
        tokio::task::spawn_blocking(move || plane.go_away())
            .await
            .unwrap()
            .unwrap();
        let mut during = SimDevice::new(&invitation);
        let answer = during.ask().await.unwrap();
        let Answer::Refused {
            word: Refusal::Busy,
            after_secs,
        } = answer
        else {
            panic!("{answer:?}");
        };
        assert!(after_secs.is_some(), "it is told when to come again");
        let plane = rig.plane.clone();
        tokio::task::spawn_blocking(move || plane.come_back())
            .await
            .unwrap()
            .unwrap();
        kubelet(&rig, &grant).await;
        rig.phase(&grant.node, DevicePhase::Active).await;
        rig.joins(&mut during).await;
        replica.end().await;
    });
}

#[test]
fn what_nobody_went_on_with_is_cleared_away() {
    alone(async |rig| {
        let settings = Settings {
            collect: Collect {
                after: vigla_kit::config::Span::new(Duration::from_secs(1)).unwrap(),
                ..Collect::default()
            },
            ..Settings::default()
        };
        let killed = Arc::new(AtomicBool::new(false));
        let hook = {
            let killed = killed.clone();
            Hook(Arc::new(move |reached| {
                let first = reached == "use" && !killed.swap(true, Ordering::SeqCst);
                assert!(!first, "killed after `{reached}`");
            }))
        };
        let replica = rig.registrar_with(settings, Some(hook)).await;
        let invitation = rig.claim(&replica, order(1)).await;
        let half = SimDevice::new(&invitation);
        assert!(half.ask().await.is_err());
        assert_eq!(
            SimDevice::new(&invitation).refused().await,
            Refusal::ClaimUsedUp
        );
        crate::rig::until("it is cleared away", async || {
            replica.serving.collect().await.unwrap();
            uses(&rig, &half.name()).await.is_empty().then_some(())
        })
        .await;
        assert!(rig.device(&half.name()).await.is_none());
        let mut other = SimDevice::new(&invitation);
        let grant = other.enrol().await;
        assert!(token(&grant).contains('.'));
        // Granted and never seen again: its node goes, and it may come back.
        crate::rig::until("the node is cleared away", async || {
            replica.serving.collect().await.unwrap();
            let device = rig.device(&other.name()).await.unwrap();
            device.status.unwrap().node.is_empty().then_some(())
        })
        .await;
        assert!(tokens(&rig, &other.name()).await.is_empty());
        rig.joins(&mut other).await;
        replica.end().await;
    });
}
