//! A grant is believed when it is whole, and signed by who may.

use std::collections::BTreeMap;

use rcgen::ExtendedKeyUsagePurpose::{CodeSigning, ServerAuth};
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::grant::{Cluster, Dns, Grant, Mqtt};
use vigla_fleet::identity::{Key, Signer, node_name};
use vigla_fleet::secret::Secret;
use vigla_fleet::signed::{NotTrusted, Signed};

use crate::authority::{Authority, key};

/// 2026-11-22.
const NOW: u64 = 1_795_305_600;

fn grant(device: &Key, pins: Vec<Fingerprint>) -> Grant {
    let device = device.public().fingerprint();
    Grant {
        version: 1,
        device,
        node: node_name(&device),
        generation: 1,
        cluster: Cluster::K3s {
            server: "https://master.example:6443".to_owned(),
            token: Secret::new("K10ab::abcdef.0123456789abcdef"),
            node_password: Secret::new("0123456789abcdef0123456789abcdef"),
        },
        pod_cidr: Some("100.96.12.64/26".to_owned()),
        dns: Some(Dns {
            address: "10.43.0.10".parse().unwrap(),
            domain: "cluster.local".to_owned(),
        }),
        mqtt: Some(Mqtt {
            endpoint: "mqtts://broker.example:8883".to_owned(),
            chain: "-----BEGIN CERTIFICATE-----".to_owned(),
            ca: "-----BEGIN CERTIFICATE-----".to_owned(),
        }),
        ring: "canary".to_owned(),
        labels: BTreeMap::from([("vigla.org/model".to_owned(), "rpi4".to_owned())]),
        ca_sha256: pins,
        server_time: NOW,
        not_after: NOW + 900,
    }
}

#[test]
fn what_was_signed_is_read_back() {
    let (ca, service) = (Authority::new(), key());
    let chain = ca.issue(&service, CodeSigning, (2026, 2027));
    let grant = grant(&key(), vec![ca.pin()]);
    let signed = Signed::seal(&grant, &service, chain).unwrap();
    let text = serde_json::to_vec(&signed).unwrap();
    let signed: Signed<Grant> = serde_json::from_slice(&text).unwrap();
    assert_eq!(signed.open(&[ca.pin()]).unwrap(), grant);
    let both = [Authority::new().pin(), ca.pin()];
    assert!(signed.open(&both).is_ok());
    assert!(!format!("{grant:?}").contains("K10"));
}

#[test]
fn what_is_not_signed_by_who_may_is_refused() {
    let (ca, service) = (Authority::new(), key());
    let grant = grant(&key(), vec![ca.pin()]);
    let seal = |chain| Signed::seal(&grant, &service, chain).unwrap();
    let good = ca.issue(&service, CodeSigning, (2026, 2027));
    let pins = [ca.pin()];

    let stranger = Authority::new();
    let foreign = seal(stranger.issue(&service, CodeSigning, (2026, 2027)));
    assert!(matches!(foreign.open(&pins), Err(NotTrusted::Authority)));
    // The pinned certificate beside a chain that does not lead to it.
    let mut grafted = stranger.issue(&service, CodeSigning, (2026, 2027));
    grafted.push(ca.certificate.clone());
    assert!(matches!(
        seal(grafted).open(&pins),
        Err(NotTrusted::Signer(_))
    ));
    let server = seal(ca.issue(&service, ServerAuth, (2026, 2027)));
    assert!(matches!(server.open(&pins), Err(NotTrusted::Signer(_))));
    let old = seal(ca.issue(&service, CodeSigning, (2020, 2021)));
    assert!(matches!(old.open(&pins), Err(NotTrusted::Signer(_))));
    let other = Signed::seal(&grant, &key(), good).unwrap();
    assert!(matches!(other.open(&pins), Err(NotTrusted::Signature)));
    assert!(matches!(seal(vec![]).open(&pins), Err(NotTrusted::Chain)));
    let long = vec![ca.certificate.clone(); 5];
    assert!(matches!(seal(long).open(&pins), Err(NotTrusted::Chain)));
    // The authority's own key is not for signing grants.
    assert!(seal(vec![ca.certificate.clone()]).open(&pins).is_err());
}

#[test]
fn any_change_of_a_grant_is_found() {
    let pin: Fingerprint = include_str!("../corpus/grant/pin").trim().parse().unwrap();
    let whole = include_bytes!("../corpus/grant/signed.json");
    let read = |bytes: &[u8]| serde_json::from_slice::<Signed<Grant>>(bytes).ok();
    let sound = read(whole).unwrap().open(&[pin]).unwrap();
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "grant", |bytes| {
        if let Some(grant) = read(bytes).and_then(|signed| signed.open(&[pin]).ok()) {
            assert_eq!(grant, sound);
        }
    });
}

/// Run it by name to make the corpus again.
#[test]
#[ignore = "writes the corpus"]
#[allow(clippy::disallowed_methods, reason = "a file of the repository")]
fn writes_the_corpus() {
    let (ca, service) = (Authority::new(), key());
    let chain = ca.issue(&service, CodeSigning, (2026, 2036));
    let signed = Signed::seal(&grant(&key(), vec![ca.pin()]), &service, chain).unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/grant");
    std::fs::write(
        folder.join("signed.json"),
        serde_json::to_vec(&signed).unwrap(),
    )
    .unwrap();
    std::fs::write(folder.join("pin"), ca.pin().to_string()).unwrap();
}
