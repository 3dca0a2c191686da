//! What nobody may do, tried by who would.

use k8s_openapi::api::core::v1::{Node, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use vigla_fleet::crd::{Device, DevicePhase, EnrolmentClaim};

use crate::device::{
    SimDevice, decision, kubelet, report, request_certificate, token, with_certificate,
};
use crate::rig::{ACCOUNT, Rig, order, until, with_cluster};

fn forbidden<T: std::fmt::Debug>(result: kube::Result<T>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 403 => status.message,
        other => panic!("not forbidden: {other:?}"),
    }
}

fn unauthorised<T>(result: &kube::Result<T>) -> bool {
    matches!(result, Err(kube::Error::Api(status)) if status.code == 401)
}

#[test]
fn the_holder_of_a_live_token_gets_the_certificate_of_its_own_node_only() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(2)).await;
        let (mut thief, mut victim) = (SimDevice::new(&invitation), SimDevice::new(&invitation));
        let (stolen, aimed_at) = (thief.enrol().await, victim.enrol().await);
        let bearer = rig.client_bearing(token(&stolen));
        for name in [
            aimed_at.node.as_str(),
            "vigla-ffffffffffffffffffff",
            "worker-1",
        ] {
            let request = until("the token is taken", async || {
                let asked = request_certificate(&bearer, name).await;
                asked.ok().map(|(request, _)| request)
            })
            .await;
            let denied = decision(&rig, &request).await.unwrap_err();
            assert!(denied.contains("vigla-registrar"), "{denied}");
        }
        forbidden(
            Api::<Node>::all(bearer.clone())
                .list(&ListParams::default())
                .await,
        );
        let secrets: Api<Secret> = Api::namespaced(bearer.clone(), "kube-system");
        forbidden(secrets.list(&ListParams::default()).await);
        let devices: Api<Device> = Api::all(bearer.clone());
        forbidden(devices.list(&ListParams::default()).await);
        let node = Node {
            metadata: kube::api::ObjectMeta {
                name: Some(aimed_at.node.clone()),
                ..Default::default()
            },
            ..Node::default()
        };
        let nodes: Api<Node> = Api::all(bearer.clone());
        forbidden(nodes.create(&PostParams::default(), &node).await);

        // Once the node is there the token is worth nothing; the API server remembers it for some seconds.
        kubelet(&rig, &stolen).await;
        rig.phase(&stolen.node, DevicePhase::Active).await;
        until("the token is refused", async || {
            let asked = request_certificate(&bearer, &stolen.node).await;
            unauthorised(&asked).then_some(())
        })
        .await;
        replica.end().await;
    });
}

/// The objects that a node and its operator have.
async fn joined(rig: &Rig) -> (String, Client) {
    let replica = rig.registrar().await;
    let invitation = rig.claim(&replica, order(1)).await;
    let mut device = SimDevice::new(&invitation);
    let grant = device.enrol().await;
    let node = kubelet(rig, &grant).await;
    rig.phase(&grant.node, DevicePhase::Active).await;
    replica.end().await;
    (grant.node, node)
}

#[test]
fn a_node_writes_about_itself_and_nothing_else() {
    with_cluster(async |rig| {
        let (name, client) = joined(&rig).await;
        let nodes: Api<Node> = Api::all(client.clone());
        let write = async |node: &str, metadata: Value| {
            let patch = Patch::Merge(json!({ "metadata": metadata }));
            nodes.patch(node, &PatchParams::default(), &patch).await
        };
        write(&name, json!({"annotations": {"vigla.org/slot": "a"}}))
            .await
            .unwrap();
        write(&name, json!({"labels": {"vigla.org/model": "rpi4"}}))
            .await
            .unwrap();

        let said = forbidden(write(&name, json!({"annotations": {"example.com/a": "b"}})).await);
        assert!(said.contains("may only annotate itself"), "{said}");
        let much = "x".repeat(9000);
        let said = forbidden(write(&name, json!({"annotations": {"vigla.org/slot": much}})).await);
        assert!(said.contains("at most 8 KiB"), "{said}");
        let said = forbidden(write(&name, json!({"labels": {"vigla.org/device": "other"}})).await);
        assert!(said.contains("the registrar's"), "{said}");
        let ring = json!({"labels": {"vigla.node-restriction.kubernetes.io/ring": "stable"}});
        forbidden(write(&name, ring).await);
        let taints =
            Patch::Merge(json!({ "spec": { "taints": [{"key": "a", "effect": "NoExecute"}] } }));
        forbidden(nodes.patch(&name, &PatchParams::default(), &taints).await);

        // Beside its own there are others, and what it writes about its state is no way round.
        let (other, _) = joined(&rig).await;
        forbidden(write(&other, json!({"annotations": {"vigla.org/slot": "b"}})).await);
        forbidden(nodes.delete(&other, &DeleteParams::default()).await);
        let status = Patch::Merge(json!({ "metadata": {"annotations": {"example.com/a": "b"}} }));
        let own = PatchParams::default();
        forbidden(nodes.patch_status(&name, &own, &status).await);
        forbidden(nodes.patch_status(&other, &own, &status).await);
        let foreign = Node {
            metadata: kube::api::ObjectMeta {
                name: Some("vigla-ffffffffffffffffffff".to_owned()),
                ..Default::default()
            },
            ..Node::default()
        };
        forbidden(nodes.create(&PostParams::default(), &foreign).await);

        // Its own node, deleted by the operator, cannot be made again by the device.
        let operator: Api<Node> = Api::all(rig.client.clone());
        operator
            .delete(&name, &DeleteParams::default())
            .await
            .unwrap();
        let again = Node {
            metadata: kube::api::ObjectMeta {
                name: Some(name.clone()),
                ..Default::default()
            },
            ..Node::default()
        };
        let said = forbidden(nodes.create(&PostParams::default(), &again).await);
        assert!(said.contains("made by the registrar"), "{said}");
    });
}

#[test]
fn a_node_may_not_decide_about_devices_whatever_rbac_says() {
    with_cluster(async |rig| {
        // The rights that a cluster might give its nodes by mistake.
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": "test-too-much" },
            "rules": [{ "apiGroups": ["vigla.org"], "resources": ["*"], "verbs": ["*"] }],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": "test-too-much" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "test-too-much" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes" }],
        });
        let how = PatchParams::apply("test").force();
        let roles: Api<ClusterRole> = Api::all(rig.client.clone());
        roles
            .patch("test-too-much", &how, &Patch::Apply(role))
            .await
            .unwrap();
        let bindings: Api<ClusterRoleBinding> = Api::all(rig.client.clone());
        bindings
            .patch("test-too-much", &how, &Patch::Apply(binding))
            .await
            .unwrap();

        let (name, client) = joined(&rig).await;
        let (other, _) = joined(&rig).await;
        let devices: Api<Device> = Api::all(client.clone());
        let own = PatchParams::default();
        let version = Patch::Merge(json!({ "status": { "version": "9.9.9" } }));
        until("the rights are in force", async || {
            devices.patch_status(&name, &own, &version).await.ok()
        })
        .await;
        forbidden(devices.patch_status(&other, &own, &version).await);
        for status in [
            json!({ "phase": "Granted" }),
            json!({ "reason": "all is well" }),
            json!({ "node": "worker-1" }),
            json!({ "generation": 9 }),
            json!({ "held": 9 }),
            json!({ "token": "abcdef" }),
            json!({ "use": 7 }),
            json!({ "board": { "known": "" } }),
            json!({ "conditions": [] }),
        ] {
            let patch = Patch::Merge(json!({ "status": status }));
            forbidden(devices.patch_status(&name, &own, &patch).await);
        }
        let mine = devices.get(&name).await.unwrap();
        let copy = Device::new(
            "vigla-00000000000000000000",
            vigla_fleet::crd::DeviceSpec {
                key_sha256: "0".repeat(64),
                ..mine.spec
            },
        );
        forbidden(devices.create(&PostParams::default(), &copy).await);
        let spec = Patch::Merge(json!({ "spec": { "ring": "stable" } }));
        forbidden(devices.patch(&name, &own, &spec).await);
        forbidden(devices.delete(&name, &DeleteParams::default()).await);
        let claims: Api<EnrolmentClaim> = Api::namespaced(client, "vigla-system");
        let more = EnrolmentClaim::new("aaaaaaaa", spec_of());
        forbidden(claims.create(&PostParams::default(), &more).await);
        bindings
            .delete("test-too-much", &DeleteParams::default())
            .await
            .unwrap();
    });
}

fn spec_of() -> vigla_fleet::crd::EnrolmentClaimSpec {
    serde_json::from_value(json!({ "maxUses": 1, "notAfter": "2100-01-01T00:00:00Z" })).unwrap()
}

#[test]
fn the_registrar_has_the_rights_that_it_needs_and_no_others() {
    with_cluster(async |rig| {
        let client = rig.client_as(ACCOUNT, Some("system:serviceaccounts"));
        let secrets: Api<Secret> = Api::namespaced(client.clone(), "kube-system");
        forbidden(secrets.list(&ListParams::default()).await);
        forbidden(secrets.get("bootstrap-token-abcdef").await);
        let secret = |name: &str| Secret {
            metadata: kube::api::ObjectMeta {
                name: Some(name.to_owned()),
                ..Default::default()
            },
            ..Secret::default()
        };
        let post = PostParams::default();
        let said = forbidden(secrets.create(&post, &secret("test-opaque")).await);
        assert!(said.contains("tokens and node passwords only"), "{said}");
        let theirs: Api<Secret> = Api::namespaced(rig.client.clone(), "kube-system");
        theirs.create(&post, &secret("test-kept")).await.unwrap();
        forbidden(secrets.delete("test-kept", &DeleteParams::default()).await);
        theirs
            .delete("test-kept", &DeleteParams::default())
            .await
            .unwrap();

        let operator: Api<Node> = Api::all(rig.client.clone());
        let worker = Node {
            metadata: kube::api::ObjectMeta {
                name: Some("worker-test".to_owned()),
                ..Default::default()
            },
            ..Node::default()
        };
        let nodes: Api<Node> = Api::all(client.clone());
        let said = forbidden(nodes.create(&post, &worker).await);
        assert!(said.contains("nodes of devices only"), "{said}");
        operator.create(&post, &worker).await.unwrap();
        forbidden(nodes.delete("worker-test", &DeleteParams::default()).await);
        let label = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
        forbidden(
            nodes
                .patch("worker-test", &PatchParams::default(), &label)
                .await,
        );
        operator
            .delete("worker-test", &DeleteParams::default())
            .await
            .unwrap();
        let claims: Api<EnrolmentClaim> = Api::namespaced(client, "vigla-system");
        let claim = EnrolmentClaim::new("aaaaaaaa", spec_of());
        forbidden(claims.create(&post, &claim).await);
    });
}

#[test]
fn what_is_no_claim_and_no_device_is_refused_by_the_api_server() {
    with_cluster(async |rig| {
        let claims: Api<EnrolmentClaim> = Api::namespaced(rig.client.clone(), "vigla-system");
        let post = PostParams::default();
        let wrong = |name: &str, change: Value| {
            let mut spec = serde_json::to_value(spec_of()).unwrap();
            for (key, value) in change.as_object().unwrap() {
                spec[key] = value.clone();
            }
            (name.to_owned(), serde_json::from_value(spec).unwrap())
        };
        for (name, spec) in [
            wrong("not-a-claim", json!({})),
            wrong("bbbbbbbb", json!({ "maxUses": 0 })),
            wrong("bbbbbbbb", json!({ "group": "-no-label-" })),
        ] {
            let made = claims
                .create(&post, &EnrolmentClaim::new(&name, spec))
                .await;
            let Err(kube::Error::Api(status)) = made else {
                panic!("`{name}` was taken");
            };
            assert_eq!(status.code, 422, "{status:?}");
        }
        claims
            .create(&post, &EnrolmentClaim::new("cccccccc", spec_of()))
            .await
            .unwrap();
        let change = async |spec: Value| {
            let patch = Patch::Merge(json!({ "spec": spec }));
            claims
                .patch("cccccccc", &PatchParams::default(), &patch)
                .await
        };
        change(json!({ "maxUses": 5 })).await.unwrap();
        assert!(
            change(json!({ "maxUses": 4 })).await.is_err(),
            "uses are only ever added"
        );
        change(json!({ "revoked": true })).await.unwrap();
        assert!(
            change(json!({ "revoked": false })).await.is_err(),
            "revoked is for good"
        );
        claims
            .delete("cccccccc", &DeleteParams::default())
            .await
            .unwrap();
    });
}

#[test]
fn a_node_that_is_not_ready_stays_tainted() {
    with_cluster(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut device = SimDevice::new(&invitation);
        let grant = device.enrol().await;
        let client = with_certificate(&rig, &grant).await;
        report(&client, &grant.node, false).await;
        let joining = rig.phase(&grant.node, DevicePhase::Joining).await;
        assert!(
            !joining.status.unwrap().token.is_empty(),
            "its token is still needed"
        );
        report(&client, &grant.node, true).await;
        rig.phase(&grant.node, DevicePhase::Active).await;
        replica.end().await;
    });
}
