//! The flavour of K3s: what is granted is what a K3s server takes, and its names cannot be stolen.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use vigla_cloud::device;
use vigla_fleet::crd::DevicePhase;
use vigla_fleet::grant::{Cluster, Grant};
use vigla_kit::Clock;
use vigla_registrar::{Flavour, Settings};
use vigla_testkit_kube::{Agent, Identity, K3s};

use crate::device::{SimDevice, report};
use crate::rig::{Replica, Rig, alone, order, until};

async fn registrar(rig: &Rig, k3s: &K3s) -> Replica {
    let mut settings = Settings::default();
    settings.cluster.flavour = Flavour::K3s;
    rig.replica(settings, None, Clock::system(), &k3s.url())
        .await
}

/// The agent of a device with this grant.
fn agent(grant: &Grant) -> Agent {
    let Cluster::K3s {
        server,
        token,
        node_password,
    } = &grant.cluster
    else {
        panic!("{grant:?}");
    };
    Agent {
        server: server.clone(),
        token: token.reveal().to_owned(),
        node: grant.node.clone(),
        password: node_password.reveal().to_owned(),
    }
}

/// An agent asks again while its server does not know the token yet.
async fn join(agent: &Agent) -> anyhow::Result<Identity> {
    until("the server knows the token", async || {
        let agent = agent.clone();
        let joined = tokio::task::spawn_blocking(move || agent.join())
            .await
            .unwrap();
        let unknown = |error: &anyhow::Error| error.to_string().contains(": 401 ");
        (!joined.as_ref().is_err_and(unknown)).then_some(joined)
    })
    .await
}

#[test]
fn an_agent_joins_with_what_was_granted() {
    alone(async |rig| {
        let k3s = Arc::new(K3s::beside(rig.plane.clone()).unwrap());
        let replica = registrar(&rig, &k3s).await;
        let invitation = rig.claim(&replica, order(1)).await;
        let mut pi = SimDevice::new(&invitation);
        let grant = pi.enrol().await;
        let identity = join(&agent(&grant)).await.unwrap();
        let heard = k3s.heard();
        for asked in [
            "cacerts",
            "v1-k3s/client-kubelet.crt",
            "v1-k3s/apiservers",
            "v1-k3s/config",
        ] {
            let fine = |line: &String| line.contains(asked) && line.ends_with(" 200");
            assert!(heard.iter().any(fine), "{asked}: {heard:?}");
        }
        let kubelet = rig.client_of(&identity);
        report(&kubelet, &grant.node, true).await;
        rig.phase(&grant.node, DevicePhase::Active).await;

        // The name stays reserved; the token is gone, after a moment.
        let secrets: Api<Secret> = Api::namespaced(rig.client.clone(), "kube-system");
        let password = format!("{}.node-password.k3s", grant.node);
        let kept = secrets.get(&password).await.unwrap();
        assert_eq!(kept.type_.as_deref(), Some("k3s.cattle.io/node-password"));
        assert_eq!(kept.immutable, Some(true));
        let late = agent(&grant);
        until("the token is refused", async || {
            let late = late.clone();
            let joined = tokio::task::spawn_blocking(move || late.join())
                .await
                .unwrap();
            joined
                .is_err_and(|error| error.to_string().contains(": 401 "))
                .then_some(())
        })
        .await;

        device::suspend(&rig.client, &grant.node).await.unwrap();
        rig.phase(&grant.node, DevicePhase::Suspended).await;
        assert!(secrets.get_opt(&password).await.unwrap().is_none());
        replica.end().await;
    });
}

#[test]
fn a_holder_of_a_live_token_has_no_other_name() {
    alone(async |rig| {
        let k3s = Arc::new(K3s::beside(rig.plane.clone()).unwrap());
        let replica = registrar(&rig, &k3s).await;
        let invitation = rig.claim(&replica, order(2)).await;
        let (mut thief, mut victim) = (SimDevice::new(&invitation), SimDevice::new(&invitation));
        let (stolen, aimed_at) = (thief.enrol().await, victim.enrol().await);
        let mut other_name = agent(&stolen);
        other_name.node.clone_from(&aimed_at.node);
        let refused = join(&other_name).await.unwrap_err().to_string();
        assert!(refused.contains("serving-kubelet.crt: 403"), "{refused}");

        // Asked again, the device gets a new password, and the one before does not count any more.
        let before = agent(&aimed_at);
        victim.generation = 0;
        let again = agent(&victim.enrol().await);
        let mut old = again.clone();
        old.password = before.password;
        let refused = join(&old).await.unwrap_err().to_string();
        assert!(refused.contains(": 403"), "{refused}");
        join(&again).await.unwrap();

        // A server in between shows an authority of its own, and is found out by the token.
        let mut fooled = again;
        let digit = if fooled.token.as_bytes()[3] == b'0' {
            "1"
        } else {
            "0"
        };
        fooled.token.replace_range(3..4, digit);
        let refused = join(&fooled).await.unwrap_err().to_string();
        assert!(
            refused.contains("token CA hash does not match"),
            "{refused}"
        );
        replica.end().await;
    });
}
