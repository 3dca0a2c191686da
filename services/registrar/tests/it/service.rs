//! The program of the device against the registrar: neither is played.

use std::str::FromStr as _;

use k8s_openapi::api::core::v1::{Node, Secret};
use kube::Api;
use vigla_cloud::{claim, device};
use vigla_fleet::claim::Claim;
use vigla_fleet::crd::{Approve, DevicePhase, TAINT};
use vigla_fleet::invitation::Invitation;

use crate::appliance::{Program, invites};
use crate::device::token;
use crate::rig::{order, until, with_cluster};

#[test]
fn a_device_joins_and_the_claim_is_gone() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let secret = invitation.claim.as_ref().unwrap().reveal();
        let mut pi = Program::start(&invites(&invitation));
        pi.granted(1).await;
        let waits = pi.is("installed", "waits-for-node").await;
        assert!(pi.card().contains(secret.as_str()), "not before it is in");
        // What was granted is still so after a power cut, and nothing is asked for twice.
        pi.power_cut();
        let again = pi.is("installed", "waits-for-node").await;
        assert_eq!(waits["generation"], again["generation"]);

        let (grant, _) = pi.joins(&rig, 1).await;
        assert_eq!(again["node_name"], grant.node.as_str());
        rig.phase(&grant.node, DevicePhase::Active).await;
        let secrets: Api<Secret> = Api::namespaced(rig.client.clone(), "kube-system");
        let (id, hidden) = token(&grant).split_once('.').unwrap();
        let name = format!("bootstrap-token-{id}");
        assert!(secrets.get_opt(&name).await.unwrap().is_none());
        let nodes: Api<Node> = Api::all(rig.client.clone());
        until("the taint is gone", async || {
            let taints = nodes.get(&grant.node).await.unwrap().spec?.taints;
            (!taints.iter().flatten().any(|taint| taint.key == TAINT)).then_some(())
        })
        .await;
        until("the claim is gone", async || {
            let card = pi.card();
            (card.contains("used_by") && !card.contains(&secret[10..])).then_some(())
        })
        .await;
        assert!(
            pi.ctl(&["enrolment", "status"])
                .contains("belongs to its fleet")
        );
        assert!(
            pi.ctl(&["enrolment", "check"])
                .contains("it is the pinned registrar")
        );
        let log = pi.log();
        for secret in [&secret[10..], hidden, "PRIVATE"] {
            assert!(!log.contains(secret), "a secret is in the log");
        }
        replica.end().await;
    });
}

#[test]
fn suspended_released_forgotten_and_back_with_a_new_claim() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut pi = Program::start(&invites(&invitation));
        let (grant, _) = pi.joins(&rig, 1).await;
        let name = grant.node;

        device::suspend(&rig.client, &name).await.unwrap();
        rig.phase(&name, DevicePhase::Suspended).await;
        pi.is("wait-operator", "suspended").await;
        let said = pi.ctl(&["enrolment", "status"]);
        assert!(
            said.contains("the operator has suspended this node"),
            "{said}"
        );
        assert!(said.contains("kubectl vigla device release"), "{said}");

        device::release(&rig.client, &name, None).await.unwrap();
        pi.joins(&rig, 2).await;
        rig.phase(&name, DevicePhase::Active).await;

        device::forget(&rig.client, &name).await.unwrap();
        pi.is("wait-operator", "forgotten").await;
        // The card has no claim any more; the key alone does not bring it back.
        pi.power_cut();
        pi.is("wait-operator", "forgotten").await;
        pi.put(&invites(&rig.claim(&replica, order(1)).await));
        pi.power_cut();
        pi.joins(&rig, 3).await;
        rig.phase(&name, DevicePhase::Active).await;
        replica.end().await;
    });
}

#[test]
fn the_registrar_goes_away_and_comes_back() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let port = replica.serving.devices.port();
        let invitation = rig.claim(&replica, order(1)).await;
        replica.end().await;
        let pi = Program::start(&invites(&invitation));
        let away = pi.is("key-ready", "no-route").await;
        assert_eq!(away["generation"], 0);
        let said = pi.ctl(&["enrolment", "check"]);
        assert!(said.contains("the registrar does not answer"), "{said}");

        let replica = rig.registrar_on(port).await;
        pi.granted(1).await;
        replica.end().await;
        pi.is("installed", "no-route").await;
        let replica = rig.registrar_on(port).await;
        let (grant, _) = pi.joins(&rig, 1).await;
        rig.phase(&grant.node, DevicePhase::Active).await;
        replica.end().await;
        pi.is("confirmed", "no-route").await;
    });
}

/// The same public name, another secret, and a check that fits.
fn forged(claim: &Claim) -> Claim {
    let random = ring::rand::SystemRandom::new();
    let other = Claim::generate(&random).unwrap().reveal().replace('-', "");
    let body = claim.reveal().replace('-', "")[..8].to_owned() + &other[8..34];
    let symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let checks = symbols.chars().flat_map(|first| {
        symbols
            .chars()
            .map(move |second| format!("{first}{second}"))
    });
    checks
        .map(|check| Claim::from_str(&(body.clone() + &check)))
        .find_map(Result::ok)
        .unwrap()
}

#[test]
fn a_wrong_claim_is_refused_and_named_and_a_right_one_lets_it_in() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let good = rig.claim(&replica, order(1)).await;
        let claim = good.claim.clone().unwrap();
        let with = |claim: Claim| {
            let mut card: Invitation = good.clone();
            card.claim = Some(claim);
            invites(&card)
        };
        let random = ring::rand::SystemRandom::new();
        let mut pi = Program::start(&with(forged(&claim)));
        pi.is("wait-operator", "proof-wrong").await;
        pi.put(&with(Claim::generate(&random).unwrap()));
        pi.power_cut();
        pi.is("wait-operator", "claim-unknown").await;
        let revoked = rig.claim(&replica, order(1)).await;
        let id = revoked.claim.as_ref().unwrap().id();
        claim::revoke(&rig.client, &vigla_fleet::crd::claim_name(&id))
            .await
            .unwrap();
        pi.put(&invites(&revoked));
        pi.power_cut();
        pi.is("wait-operator", "claim-revoked").await;
        pi.put(&invites(&good));
        pi.power_cut();
        pi.joins(&rig, 1).await;

        // Its one use is taken: another device is told so.
        let late = Program::start(&with(claim));
        late.is("wait-operator", "claim-used-up").await;
        replica.end().await;
    });
}

/// Boards without a number: only the count of grants tells two with one key apart.
#[test]
fn a_device_waits_for_its_approval_and_says_so() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let mut manual = order(1);
        manual.approve = Approve::Manual;
        let pi = Program::start(&invites(&rig.claim(&replica, manual).await));
        let waits = pi.is("requested", "waits-for-approval").await;
        let name = waits["node_name"].as_str().unwrap();
        device::approve(&rig.client, name).await.unwrap();
        pi.joins(&rig, 1).await;
        replica.end().await;
    });
}
