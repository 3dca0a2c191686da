//! From an empty cluster to a node that works, and every refusal on the way.

use k8s_openapi::api::core::v1::{Node, Secret};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use vigla_fleet::crd::{DevicePhase, LABEL_RING, TAINT};
use vigla_fleet::wire::{Answer, Phase, Refusal};

use crate::device::{SimDevice, kubelet, token};
use crate::rig::{order, until, with_cluster};

#[test]
fn a_device_becomes_a_node() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut device = SimDevice::new(&invitation);
        let grant = device.enrol().await;
        assert_eq!((grant.node.clone(), grant.generation), (device.name(), 1));
        assert!(
            grant.pod_cidr.as_ref().unwrap().starts_with("100."),
            "{grant:?}"
        );
        assert_eq!(grant.ring, "canary");

        // Its name is taken, and it may not do anything yet.
        let nodes: Api<Node> = Api::all(rig.client.clone());
        let node = nodes.get(&grant.node).await.unwrap();
        let taints = node.spec.clone().unwrap().taints.unwrap();
        assert!(taints.iter().any(|taint| taint.key == TAINT));
        assert_eq!(node.labels()[LABEL_RING], "canary");
        assert_eq!(device.standing().await.phase, Phase::Granted);

        let id = token(&grant).split_once('.').unwrap().0.to_owned();
        let secrets: Api<Secret> = Api::namespaced(rig.client.clone(), "kube-system");
        let secret = format!("bootstrap-token-{id}");
        assert!(secrets.get_opt(&secret).await.unwrap().is_some());

        kubelet(&rig, &grant).await;
        let active = rig.phase(&grant.node, DevicePhase::Active).await;
        assert!(
            secrets.get_opt(&secret).await.unwrap().is_none(),
            "the token is gone"
        );
        until("the taint is lifted", async || {
            let node = nodes.get(&grant.node).await.unwrap();
            let taints = node.spec.unwrap().taints.unwrap_or_default();
            taints.iter().all(|taint| taint.key != TAINT).then_some(())
        })
        .await;
        let status = active.status.unwrap();
        assert_eq!(
            (status.held, status.token.as_str(), status.r#use),
            (1, "", 0)
        );
        until("the standing is Active", async || {
            (device.standing().await.phase == Phase::Active).then_some(())
        })
        .await;
        replica.end().await;
    });
}

#[test]
fn the_same_request_twice_is_one_enrolment() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let device = SimDevice::new(&invitation);
        let mut tokens = Vec::new();
        for _ in 0..3 {
            let mut asking = device.clone();
            let grant = asking.enrol().await;
            assert_eq!(grant.generation, 1, "the answer before was lost");
            tokens.push(token(&grant).split_once('.').unwrap().0.to_owned());
        }
        let secrets: Api<Secret> = Api::namespaced(rig.client.clone(), "kube-system");
        let list = ListParams::default().labels(&format!("vigla.org/device={}", device.name()));
        let alive = secrets.list(&list).await.unwrap();
        let names: Vec<_> = alive.iter().map(kube::ResourceExt::name_any).collect();
        assert_eq!(names, [format!("bootstrap-token-{}", tokens[2])]);
        assert_eq!(
            SimDevice::new(&invitation).refused().await,
            Refusal::ClaimUsedUp
        );
        replica.end().await;
    });
}

#[test]
fn who_has_no_right_claim_is_refused_in_a_word() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let open = rig.claim(&replica, order(5)).await;

        let mut expired = order(5);
        expired.expires = std::time::Duration::ZERO;
        let expired = SimDevice::new(&rig.claim(&replica, expired).await);
        assert_eq!(expired.refused().await, Refusal::ClaimExpired);

        let revoked = rig.claim(&replica, order(5)).await;
        let name = revoked.claim.as_ref().unwrap().id().to_string();
        vigla_cloud::claim::revoke(&rig.client, &name)
            .await
            .unwrap();
        assert_eq!(
            SimDevice::new(&revoked).refused().await,
            Refusal::ClaimRevoked
        );

        let mut model = order(5);
        model.models = vec!["rpi5".to_owned()];
        let model = SimDevice::new(&rig.claim(&replica, model).await);
        assert_eq!(model.refused().await, Refusal::ClaimOtherModel);

        let mut bare = SimDevice::new(&open);
        bare.with_claim = false;
        assert_eq!(bare.refused().await, Refusal::ClaimNeeded);

        // Of the right name, and made up.
        let mut made_up = SimDevice::new(&open);
        let other = rig.claim(&replica, order(1)).await;
        let forged = made_up
            .ask_with(|request| {
                let proof = request.proof.as_mut().unwrap();
                proof.claim = other.claim.as_ref().unwrap().id().to_string();
            })
            .await
            .unwrap();
        assert!(
            matches!(
                forged,
                Answer::Refused {
                    word: Refusal::ProofWrong,
                    ..
                }
            ),
            "{forged:?}"
        );
        let unknown = vigla_fleet::claim::Claim::generate(&ring::rand::SystemRandom::new());
        made_up.invitation.claim = Some(unknown.unwrap());
        assert_eq!(made_up.refused().await, Refusal::ClaimUnknown);

        // A proof for another server is worth nothing here.
        let elsewhere = SimDevice::new(&open);
        let foreign = vigla_fleet::fingerprint::Fingerprint::of_spki(b"between");
        let replayed = elsewhere
            .ask_with(|request| *request = elsewhere.request(foreign))
            .await
            .unwrap();
        assert!(matches!(
            replayed,
            Answer::Refused {
                word: Refusal::ProofWrong,
                ..
            }
        ));
        assert!(
            rig.device(&elsewhere.name()).await.is_none(),
            "nothing was made for it"
        );
        replica.end().await;
    });
}
