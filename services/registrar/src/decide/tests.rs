use k8s_openapi::jiff::Timestamp;
use vigla_fleet::crd::{Board, DevicePhase, DeviceSpec, DeviceStatus, EnrolmentClaimSpec};
use vigla_fleet::wire::{Facts, Refusal, VERSION};

use super::*;

const KEY: &str = "00";
const NOW: i64 = 1_000;

fn request(generation: u64, board: &str) -> Request {
    Request {
        version: VERSION,
        csr: Vec::new(),
        mqtt_csr: None,
        nonce: Vec::new(),
        generation,
        facts: Facts {
            boot_id: "boot".to_owned(),
            hardware: board.to_owned(),
            model: "rpi4".to_owned(),
            ..Facts::default()
        },
        proof: None,
        signature: Vec::new(),
    }
}

fn claim(name: &str) -> EnrolmentClaim {
    let ends = Timestamp::from_second(NOW + 1).unwrap();
    let spec = EnrolmentClaimSpec {
        group: String::new(),
        max_uses: 3,
        not_after: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(ends),
        approve: Approve::Auto,
        models: Vec::new(),
        ring: String::new(),
        labels: std::collections::BTreeMap::new(),
        revoked: false,
    };
    EnrolmentClaim::new(name, spec)
}

fn device(status: DeviceStatus) -> Device {
    let spec = DeviceSpec {
        key_sha256: KEY.to_owned(),
        claim: "aaaaaaaa".to_owned(),
        group: String::new(),
        ring: String::new(),
        approved: true,
        suspended: false,
        forgotten: false,
        board: String::new(),
    };
    let mut device = Device::new("vigla-0", spec);
    device.status = Some(status);
    device
}

/// As it is after grant `generation`, of which the device holds `held`.
fn granted(generation: i64, held: i64) -> Device {
    device(DeviceStatus {
        phase: DevicePhase::Active,
        generation,
        held,
        r#use: 0,
        board: Board {
            known: "b1".to_owned(),
            ..Board::default()
        },
        ..DeviceStatus::default()
    })
}

fn verdict(request: &Request, claim: Option<&EnrolmentClaim>, device: Option<&Device>) -> Verdict {
    let asked = Asked {
        request,
        key: KEY,
        claim,
        now: NOW,
    };
    judge(&asked, device)
}

fn go(generation: i64, with_claim: bool) -> Verdict {
    Verdict::Go(Course {
        generation,
        with_claim,
        anew: false,
    })
}

#[test]
fn a_new_key_needs_a_claim_that_holds() {
    let request = request(0, "b1");
    let refuse = |word| Verdict::Refuse(word);
    assert_eq!(verdict(&request, None, None), refuse(Refusal::ClaimNeeded));
    let mut claim = claim("aaaaaaaa");
    assert_eq!(verdict(&request, Some(&claim), None), go(1, true));
    claim.spec.models = vec!["rpi5".to_owned()];
    let other = refuse(Refusal::ClaimOtherModel);
    assert_eq!(verdict(&request, Some(&claim), None), other);
    claim.spec.not_after.0 = Timestamp::from_second(NOW).unwrap();
    let expired = refuse(Refusal::ClaimExpired);
    assert_eq!(verdict(&request, Some(&claim), None), expired);
    claim.spec.revoked = true;
    let revoked = refuse(Refusal::ClaimRevoked);
    assert_eq!(verdict(&request, Some(&claim), None), revoked);
}

#[test]
fn a_known_key_needs_none_but_for_its_use() {
    let asks = request(1, "b1");
    // Nobody got further than to make it.
    let mut bare = device(DeviceStatus::default());
    bare.status = None;
    let needed = Verdict::Refuse(Refusal::ClaimNeeded);
    assert_eq!(verdict(&asks, None, Some(&bare)), needed);
    assert_eq!(verdict(&asks, None, Some(&granted(1, 1))), go(2, false));
    let unused = device(DeviceStatus {
        r#use: -1,
        ..DeviceStatus::default()
    });
    let needed = Verdict::Refuse(Refusal::ClaimNeeded);
    assert_eq!(verdict(&asks, None, Some(&unused)), needed);
    let claim = claim("aaaaaaaa");
    assert_eq!(verdict(&asks, Some(&claim), Some(&unused)), go(2, true));
}

#[test]
fn an_answer_that_was_lost_is_given_again_and_a_copy_is_seen() {
    // Granted 3, known to hold 2: 2 asks again, 3 goes on, 1 is a copy that stayed behind.
    let device = granted(3, 2);
    let asks = |generation| verdict(&request(generation, "b1"), None, Some(&device));
    assert_eq!(asks(2), go(3, false));
    assert_eq!(asks(3), go(4, false));
    assert_eq!(asks(1), Verdict::Suspect);
    // After the registrar was restored from an old copy of itself.
    assert_eq!(asks(9), go(10, false));
    let moved = request(3, "b2");
    assert_eq!(verdict(&moved, None, Some(&device)), Verdict::Suspect);
    let unnamed = request(3, "");
    assert_eq!(verdict(&unnamed, None, Some(&device)), go(4, false));
}

#[test]
fn a_question_that_came_late_is_no_copy() {
    let mut device = granted(2, 2);
    let late = request(1, "b1");
    assert_eq!(verdict(&late, None, Some(&device)), Verdict::Suspect);
    device.status.as_mut().unwrap().board.boot = "boot".to_owned();
    let again = Verdict::Refuse(Refusal::TooMany);
    assert_eq!(verdict(&late, None, Some(&device)), again);
    let elsewhere = request(1, "b2");
    assert_eq!(verdict(&elsewhere, None, Some(&device)), Verdict::Suspect);
}

#[test]
fn the_operator_has_the_last_word() {
    let asks = request(1, "b1");
    let mut device = granted(1, 1);
    device.spec.suspended = true;
    let word = |device: &Device| verdict(&asks, None, Some(device));
    assert_eq!(word(&device), Verdict::Refuse(Refusal::Suspended));
    device.spec.suspended = false;
    device.status.as_mut().unwrap().phase = DevicePhase::CloneSuspected;
    let suspected = Verdict::Refuse(Refusal::CloneSuspected);
    assert_eq!(word(&device), suspected);
    device.spec.board = "b2".to_owned();
    assert_eq!(word(&device), suspected);
    device.spec.board = "b1".to_owned();
    assert_eq!(word(&device), go(2, false));
    device.spec.forgotten = true;
    assert_eq!(word(&device), Verdict::Refuse(Refusal::Forgotten));
    let same = verdict(&asks, Some(&claim("aaaaaaaa")), Some(&device));
    assert_eq!(same, Verdict::Refuse(Refusal::Forgotten));
    let other = claim("bbbbbbbb");
    // Not before it was taken back what it had.
    let early = verdict(&asks, Some(&other), Some(&device));
    assert_eq!(early, Verdict::Refuse(Refusal::Busy));
    device.status.as_mut().unwrap().phase = DevicePhase::Forgotten;
    let Verdict::Go(course) = verdict(&asks, Some(&other), Some(&device)) else {
        panic!("a forgotten device may come with a new claim");
    };
    assert!(course.anew && course.with_claim);
    device.spec.key_sha256 = "01".to_owned();
    assert_eq!(word(&device), Verdict::Refuse(Refusal::NameClash));
}

#[test]
fn steps_come_in_order_and_each_once() {
    let mut have = Have::default();
    let mut steps = Vec::new();
    while *steps.last().unwrap_or(&Step::Device) != Step::Seal {
        let step = next(&have);
        match step {
            Step::Device => have.device = true,
            Step::Use => have.used = true,
            Step::Approval => have.approved = true,
            Step::Node => have.node = true,
            Step::Network => have.network = true,
            Step::Record => have.recorded = true,
            Step::Token => have.token = true,
            Step::Password => have.password = true,
            Step::Seal => {}
        }
        steps.push(step);
    }
    let order = [
        Step::Device,
        Step::Use,
        Step::Approval,
        Step::Node,
        Step::Network,
        Step::Record,
        Step::Token,
        Step::Password,
        Step::Seal,
    ];
    assert_eq!(steps, order);
}

#[test]
fn every_use_is_tried_once() {
    for of in [1, 2, 7, 1000] {
        let mut all: Vec<_> = uses(&[255; 32], of).collect();
        all.sort_unstable();
        assert_eq!(all, (0..of).collect::<Vec<_>>());
    }
}
