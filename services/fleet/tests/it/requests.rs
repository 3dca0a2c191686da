//! A request is for one server, one key, one claim.

use ring::rand::SystemRandom;
use vigla_fleet::claim::{Claim, ClaimId};
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::identity::Signer;
use vigla_fleet::proof::ProofKey;
use vigla_fleet::wire::{
    Answer, Ask, Facts, LARGEST_REQUEST, Refusal, Report, Request, Standing, Waiting,
};

use crate::authority::key;

fn ask<'a>(claim: Option<(&'a ClaimId, &'a ProofKey)>, generation: u64) -> Ask<'a> {
    Ask {
        claim,
        server: Fingerprint::of_spki(b"server"),
        nonce: [7; 32],
        generation,
        mqtt_csr: Some(vigla_fleet::csr::make(&key()).unwrap()),
        facts: facts(),
    }
}

fn facts() -> Facts {
    Facts {
        boot_id: "5b1e6bd6-0f5e-4d6f-8f43-2f6f3a4d9f11".to_owned(),
        hardware: Fingerprint::of_spki(b"serial").to_string(),
        model: "rpi4".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

#[test]
fn a_request_is_for_one_server_and_one_claim() {
    let claim = Claim::generate(&SystemRandom::new()).unwrap();
    let (id, proof) = (claim.id(), ProofKey::of(&claim));
    let (device, server) = (key(), Fingerprint::of_spki(b"server"));
    let request = Request::make(&device, ask(Some((&id, &proof)), 0)).unwrap();
    let body = serde_json::to_vec(&request).unwrap();
    let request = Request::read(&body).unwrap();
    assert_eq!(request.claim(), Some(id));
    assert!(request.is_signed_by(device.public(), server));
    assert!(request.is_proved_by(&proof, server));

    let between = Fingerprint::of_spki(b"between");
    assert!(!request.is_signed_by(device.public(), between));
    assert!(!request.is_proved_by(&proof, between));
    assert!(!request.is_signed_by(key().public(), server));
    let other = Claim::generate(&SystemRandom::new()).unwrap();
    assert!(!request.is_proved_by(&ProofKey::of(&other), server));
    let text = String::from_utf8(body).unwrap();
    assert!(!text.contains(&claim.reveal()[10..]));
}

#[cfg(feature = "csr")]
#[test]
fn the_key_of_a_request_is_that_of_the_device() {
    let device = key();
    let csr = vigla_fleet::csr::make(&device).unwrap();
    assert_eq!(vigla_fleet::csr::read(&csr).as_ref(), Some(device.public()));
    let mut forged = csr.clone();
    let at = csr.windows(6).position(|w| w == b"vigla-").unwrap();
    forged[at + 7] ^= 1;
    assert_eq!(vigla_fleet::csr::read(&forged), None);
}

#[test]
fn a_known_device_needs_no_claim() {
    let (device, server) = (key(), Fingerprint::of_spki(b"server"));
    let request = Request::make(&device, ask(None, 3)).unwrap();
    assert_eq!(request.claim(), None);
    assert!(request.is_signed_by(device.public(), server));
    let mut changed = request.clone();
    changed.generation = 4;
    assert!(!changed.is_signed_by(device.public(), server));
    let mut changed = request.clone();
    changed.mqtt_csr = None;
    assert!(!changed.is_signed_by(device.public(), server));
    let mut changed = request;
    changed.facts.hardware = String::new();
    assert!(!changed.is_signed_by(device.public(), server));
}

#[test]
fn what_is_no_request_is_refused_by_a_word() {
    let good = Request::make(&key(), ask(None, 0)).unwrap();
    let read = |request: &Request| Request::read(&serde_json::to_vec(request).unwrap());
    assert!(read(&good).is_ok());
    let changed = |change: fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        read(&request)
    };
    for change in [
        (|request| request.nonce.truncate(31)) as fn(&mut Request),
        |request| request.csr = vec![0; 5000],
        |request| request.mqtt_csr = Some(vec![0; 5000]),
        |request| request.signature = vec![0; 81],
        |request| request.facts.model = "x".repeat(129),
        |request| request.facts.version = "a\nb".to_owned(),
        |request| request.facts.hardware = "serial".to_owned(),
    ] {
        assert_eq!(changed(change), Err(Refusal::Malformed));
    }
    let newer = changed(|request| request.version = 2);
    assert_eq!(newer, Err(Refusal::VersionUnknown));
    assert_eq!(
        Request::read(b"{\"version\":7,\"moon\":1}"),
        Err(Refusal::VersionUnknown)
    );
    let large = vec![b' '; LARGEST_REQUEST + 1];
    assert_eq!(Request::read(&large), Err(Refusal::Malformed));
    assert_eq!(Request::read(b"[]"), Err(Refusal::Malformed));
}

#[test]
fn any_damage_to_a_request_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "request", |bytes| {
        let Ok(request) = Request::read(bytes) else {
            return;
        };
        #[cfg(feature = "csr")]
        let _ = vigla_fleet::csr::read(&request.csr);
        let server = Fingerprint::of_spki(b"server");
        assert!(!request.is_signed_by(key().public(), server));
    });
}

/// What a device reads of whoever answers it: the registrar, or what stands before it.
#[test]
fn any_damage_to_an_answer_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "answer", |bytes| {
        if let Ok(answer) = Answer::read(bytes) {
            let text = serde_json::to_vec(&answer).unwrap();
            assert_eq!(Answer::read(&text).unwrap(), answer);
        }
        if let Ok(standing) = Standing::read(bytes) {
            let text = serde_json::to_vec(&standing).unwrap();
            assert_eq!(Standing::read(&text).unwrap(), standing);
        }
        if let Some(report) = Report::read(&String::from_utf8_lossy(bytes)) {
            let path = report.path();
            let query = path.split_once('?').unwrap().1;
            assert_eq!(Report::read(query), Some(report.clone()));
        }
    });
}

#[test]
fn answers_are_what_the_documents_say() {
    let wait = Answer::Wait {
        after_secs: 60,
        reason: Waiting::Approval,
    };
    let text = r#"{"answer":"wait","after_secs":60,"reason":"approval"}"#;
    assert_eq!(serde_json::to_string(&wait).unwrap(), text);
    let newer = r#"{"answer":"wait","after_secs":60,"reason":"tide","colour":1}"#;
    let reason = Waiting::Other;
    assert_eq!(
        Answer::read(newer.as_bytes()).unwrap(),
        Answer::Wait {
            after_secs: 60,
            reason
        }
    );
    let refused = Answer::read(br#"{"answer":"refused","word":"claim-used-up"}"#).unwrap();
    assert_eq!(refused.status(), 403);
    let secret = br#"{"answer":"grant","grant":"a secret"}"#;
    let complaint = Answer::read(secret).unwrap_err().to_string();
    assert!(!complaint.contains("a secret"), "{complaint}");
    let standing = br#"{"phase":"Active","node":"vigla-0","generation":1,"server_time":5}"#;
    assert!(!Standing::read(standing).unwrap().enrol_again);
}

/// Run it by name to make the corpus again.
#[test]
#[ignore = "writes the corpus"]
#[allow(clippy::disallowed_methods, reason = "a file of the repository")]
fn writes_the_corpus() {
    let claim = Claim::generate(&SystemRandom::new()).unwrap();
    let (id, proof) = (claim.id(), ProofKey::of(&claim));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/request");
    for (name, claim) in [("claim.json", Some((&id, &proof))), ("known.json", None)] {
        let request = Request::make(&key(), ask(claim, 1)).unwrap();
        let text = serde_json::to_vec(&request).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }
}
