//! Authorities that are changed while devices are out there, and what the broker is to refuse.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use rustls_pki_types::{CertificateDer, UnixTime};
use vigla_cloud::authority::{self, Which};
use vigla_cloud::device;
use vigla_fleet::crd::DevicePhase;
use vigla_kit::Clock;
use vigla_registrar::Settings;
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationOptionsBuilder, anchor_from_trusted_cert,
};

use crate::device::{SimDevice, kubelet};
use crate::rig::{Replica, Rig, alone, order, until};

/// A device that belongs to the fleet.
async fn joined(rig: &Rig, replica: &Replica) -> SimDevice {
    let invitation = rig.claim(replica, order(1)).await;
    let mut device = SimDevice::new(&invitation);
    let grant = device.enrol().await;
    kubelet(rig, &grant).await;
    rig.phase(&grant.node, DevicePhase::Active).await;
    device
}

#[test]
fn the_pinned_authority_is_changed_and_nobody_is_lost() {
    alone(async |rig| {
        let replica = rig.registrar().await;
        let mut knows = joined(&rig, &replica).await;
        let sleeps = joined(&rig, &replica).await;
        let old = authority::show(&rig.client, Which::Registrar)
            .await
            .unwrap();
        let last = rig.device(&sleeps.name()).await.unwrap().status.unwrap();
        let last = last.last_seen.unwrap().0.as_second();
        until("the next second", async || {
            (Timestamp::now().as_second() > last).then_some(())
        })
        .await;

        authority::prepare(&rig.client, Which::Registrar)
            .await
            .unwrap();
        let twice = authority::prepare(&rig.client, Which::Registrar).await;
        assert!(twice.unwrap_err().to_string().contains("already"));
        replica.serving.look().await.unwrap();
        let standing = knows.report("2.0.0", "a").await.unwrap();
        assert_eq!(standing.ca_sha256.len(), 2, "whoever asks learns of both");
        knows.invitation.pins = standing.ca_sha256;

        // Who has not asked since would be locked out.
        let refused = authority::switch(&rig.client, Which::Registrar, false).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(&sleeps.name()), "{refused}");
        authority::switch(&rig.client, Which::Registrar, true)
            .await
            .unwrap();
        replica.serving.look().await.unwrap();
        assert_eq!(knows.standing().await.ca_sha256.len(), 2);
        assert!(sleeps.ask().await.is_err(), "it believes the old one alone");
        let mut new = SimDevice::new(&rig.claim(&replica, order(1)).await);
        assert_ne!(new.invitation.pins[0], old[0].pin);
        new.enrol().await;
        // With a file for its card it is back, as the same device.
        let mut back = sleeps.clone();
        back.invitation.pins.clone_from(&new.invitation.pins);
        back.with_claim = false;
        assert_eq!(back.enrol().await.generation, 2);

        authority::finish(&rig.client, Which::Registrar)
            .await
            .unwrap();
        replica.serving.look().await.unwrap();
        let left = knows.standing().await.ca_sha256;
        assert_eq!(left, new.invitation.pins);
        assert!(
            authority::finish(&rig.client, Which::Registrar)
                .await
                .is_err()
        );
        replica.end().await;
    });
}

/// What the broker is told.
async fn broker(rig: &Rig) -> [String; 2] {
    let maps: Api<ConfigMap> = Api::namespaced(rig.client.clone(), "vigla-system");
    let map = until("the broker is told", async || {
        maps.get_opt("vigla-mqtt").await.unwrap()
    })
    .await;
    let data = map.data.unwrap();
    ["ca.crt", "crl.pem"].map(|name| data[name].clone())
}

/// What a broker that keeps to it makes of a certificate, so many days from now.
fn lets_in([ca, lists]: &[String; 2], chain: &str, days: u64) -> Result<(), webpki::Error> {
    let ders = |text: &str| pem::parse_many(text).unwrap();
    let authorities: Vec<_> = ders(ca)
        .into_iter()
        .map(|pem| CertificateDer::from(pem.into_contents()))
        .collect();
    let anchors: Vec<_> = authorities
        .iter()
        .map(|der| anchor_from_trusted_cert(der).unwrap())
        .collect();
    let lists: Vec<_> = ders(lists)
        .iter()
        .map(|pem| OwnedCertRevocationList::from_der(pem.contents()).unwrap())
        .map(CertRevocationList::from)
        .collect();
    let lists: Vec<_> = lists.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&lists)
        .unwrap()
        .with_expiration_policy(ExpirationPolicy::Enforce)
        .build();
    let leaf = CertificateDer::from(ders(chain)[0].contents().to_vec());
    let leaf = EndEntityCert::try_from(&leaf)?;
    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now + days * 24 * 3600));
    leaf.verify_for_usage(
        &[webpki::ring::ECDSA_P256_SHA256],
        &anchors,
        &[],
        time,
        KeyUsage::client_auth(),
        Some(revocation),
        None,
    )
    .map(drop)
}

fn with_broker() -> Settings {
    let mut settings = Settings::default();
    "mqtts://broker.example:8883".clone_into(&mut settings.mqtt.endpoint);
    settings
}

/// The certificate of a device that joins, and its name.
async fn certificate(rig: &Rig, replica: &Replica) -> (String, String) {
    let invitation = rig.claim(replica, order(1)).await;
    let mut device = SimDevice::new(&invitation);
    device.with_broker = true;
    let grant = device.enrol().await;
    kubelet(rig, &grant).await;
    rig.phase(&grant.node, DevicePhase::Active).await;
    (grant.mqtt.unwrap().chain, grant.node)
}

#[test]
fn the_broker_refuses_what_was_taken_back_and_its_list_never_gets_old() {
    alone(async |rig| {
        let replica = rig.registrar_with(with_broker(), None).await;
        let (stays, _) = certificate(&rig, &replica).await;
        let (goes, name) = certificate(&rig, &replica).await;
        replica.serving.look().await.unwrap();
        let told = broker(&rig).await;
        assert_eq!(lets_in(&told, &stays, 0), Ok(()));
        assert_eq!(lets_in(&told, &goes, 0), Ok(()));
        device::suspend(&rig.client, &name).await.unwrap();
        until("it is refused", async || {
            lets_in(&broker(&rig).await, &goes, 0)
                .is_err()
                .then_some(())
        })
        .await;
        let told = broker(&rig).await;
        assert_eq!(lets_in(&told, &goes, 0), Err(webpki::Error::CertRevoked));
        assert_eq!(lets_in(&told, &stays, 0), Ok(()));
        assert!(lets_in(&told, &stays, 8).is_err(), "an old list is no list");
        replica.end().await;

        // Nobody decides anything, and two days go by.
        let now = Clock::system().now_usec() + 2 * 24 * 3600 * 1_000_000;
        let later = rig
            .replica(with_broker(), None, Clock::manual(now), &rig.plane.url())
            .await;
        later.serving.look().await.unwrap();
        let told = broker(&rig).await;
        assert_eq!(lets_in(&told, &stays, 8), Ok(()));
        assert_eq!(lets_in(&told, &goes, 8), Err(webpki::Error::CertRevoked));
        later.end().await;
    });
}

#[test]
fn the_brokers_authority_is_changed_and_both_are_believed() {
    alone(async |rig| {
        let replica = rig.registrar_with(with_broker(), None).await;
        let (before, name) = certificate(&rig, &replica).await;
        authority::prepare(&rig.client, Which::Broker)
            .await
            .unwrap();
        replica.serving.look().await.unwrap();
        assert_eq!(lets_in(&broker(&rig).await, &before, 0), Ok(()));
        authority::switch(&rig.client, Which::Broker, false)
            .await
            .unwrap();
        replica.serving.look().await.unwrap();
        let (after, _) = certificate(&rig, &replica).await;
        let told = broker(&rig).await;
        assert_eq!(lets_in(&told, &before, 0), Ok(()));
        assert_eq!(lets_in(&told, &after, 0), Ok(()));
        // What the old one signed can still be taken back.
        device::suspend(&rig.client, &name).await.unwrap();
        until("it is refused", async || {
            let told = broker(&rig).await;
            (lets_in(&told, &before, 0) == Err(webpki::Error::CertRevoked)).then_some(())
        })
        .await;
        authority::finish(&rig.client, Which::Broker).await.unwrap();
        replica.serving.look().await.unwrap();
        let told = broker(&rig).await;
        assert_eq!(
            lets_in(&told, &before, 0),
            Err(webpki::Error::UnknownIssuer)
        );
        assert_eq!(lets_in(&told, &after, 0), Ok(()));
        replica.end().await;
    });
}

/// Two at once make one authority, and the second believes what the first made.
#[test]
fn registrars_that_start_at_once_have_one_authority() {
    alone(async |rig| {
        let rig = Arc::new(rig);
        let (one, two) = futures_util::join!(rig.registrar(), rig.registrar());
        let parts = authority::show(&rig.client, Which::Registrar)
            .await
            .unwrap();
        assert_eq!(parts.len(), 1);
        let here = SimDevice::new(&rig.claim(&one, order(1)).await);
        let there = SimDevice::new(&rig.claim(&two, order(1)).await);
        assert_eq!(here.invitation.pins, [parts[0].pin]);
        here.clone().enrol().await;
        there.clone().enrol().await;
        one.end().await;
        two.end().await;
    });
}
