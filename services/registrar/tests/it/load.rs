//! Many devices at once, against one registrar that is a process of its own. They do as they are told: who hears
//! "come again" comes again then, and not before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use kube::Api;
use kube::api::ListParams;
use rcgen::KeyPair;
use vigla_fleet::crd::{Device, DevicePhase};
use vigla_fleet::grant::Grant;
use vigla_fleet::wire::{Answer, Refusal};

use crate::device::{SimDevice, kubelet, report};
use crate::process::Process;
use crate::rig::{Rig, alone, order, until};

/// All of it stops by itself after so long.
const WHOLE: Duration = Duration::from_mins(15);
const SETTINGS: &str = "\
names = [\"localhost\"]
[cluster]
flavour = \"k3s\"
server = \"https://master.example:6443\"
[limits]
per_address = 100000
per_claim = 100000
";

/// What came to pass.
#[derive(Debug, Default)]
struct Heard {
    waits: AtomicU64,
    later: AtomicU64,
    errors: AtomicU64,
    broken: AtomicU64,
}

#[test]
fn a_hundred_devices_at_once() {
    at_once(100);
}

#[test]
#[ignore = "takes minutes: a thousand devices"]
fn a_thousand_devices_at_once() {
    at_once(1000);
}

/// What a kubelet's way costs, where the registrar decides about certificates too.
#[test]
fn an_enrolment_takes_twelve_requests_at_most() {
    alone(async |rig| {
        let replica = rig.registrar().await;
        let invitation = rig.claim(&replica, order(10)).await;
        // Whoever comes first has what is learnt once for all.
        let first = SimDevice::new(&invitation).enrol().await;
        kubelet(&rig, &first).await;
        rig.phase(&first.node, DevicePhase::Active).await;
        let before = replica.serving.requests();
        for _ in 0..9 {
            let grant = SimDevice::new(&invitation).enrol().await;
            kubelet(&rig, &grant).await;
            rig.phase(&grant.node, DevicePhase::Active).await;
        }
        let requests = replica.serving.requests() - before;
        println!("9 devices: {requests} requests");
        assert!(requests <= 9 * 12, "{requests} requests for 9 devices");
        replica.end().await;
    });
}

/// Until it has its grant, with what it took from the first question on, and the last question alone.
async fn enrol(device: &SimDevice, heard: &Heard) -> (Grant, Duration, Duration) {
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let after = match device.ask().await {
            Ok(Answer::Grant { grant }) => {
                let grant = grant.open(&device.invitation.pins).unwrap();
                return (grant, began.elapsed(), asked.elapsed());
            }
            Ok(Answer::Refused {
                word: word @ (Refusal::TooMany | Refusal::Busy),
                after_secs,
            }) => {
                let which = if word == Refusal::Busy {
                    &heard.errors
                } else {
                    &heard.later
                };
                which.fetch_add(1, Ordering::SeqCst);
                after_secs.expect("who is to come again is told when")
            }
            Ok(Answer::Wait { after_secs, .. }) => {
                heard.waits.fetch_add(1, Ordering::SeqCst);
                after_secs
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => {
                heard.broken.fetch_add(1, Ordering::SeqCst);
                2
            }
        };
        // As the device does: not all at the same moment.
        let spread = u64::from(device.name().bytes().map(u32::from).sum::<u32>()) % 1000;
        tokio::time::sleep(Duration::from_millis(after * (1000 + spread))).await;
    }
}

fn at_once(count: usize) {
    alone(async |rig| {
        let work = work(&rig, count);
        let done = tokio::time::timeout(WHOLE, work).await;
        done.unwrap_or_else(|_| panic!("not within {WHOLE:?}"));
    });
}

#[allow(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "thousands of requests and devices; the figures are what it is for"
)]
async fn work(rig: &Rig, count: usize) {
    let process = Process::start(rig, SETTINGS).await;
    let uses = i32::try_from(count).unwrap();
    let invitation = rig.claim_at(&process.endpoint, order(uses)).await;
    let devices: Vec<_> = (0..count).map(|_| SimDevice::new(&invitation)).collect();
    let requests = "vigla_registrar_api_requests_total";
    let (before, cpu) = (process.count(requests).await, process.cpu());
    let (heard, began) = (Heard::default(), Instant::now());
    let asked = devices.iter().map(|device| enrol(device, &heard));
    let granted = futures_util::future::join_all(asked).await;
    let took = began.elapsed();
    stream::iter(&granted)
        .for_each_concurrent(32, async |(grant, ..)| {
            let identity = format!("system:node:{}", grant.node);
            let kubelet = rig.client_as(&identity, Some("system:nodes"));
            report(&kubelet, &grant.node, true).await;
        })
        .await;
    let all: Api<Device> = Api::all(rig.client.clone());
    let list = until("all are active", async || {
        let list = all.list(&ListParams::default()).await.ok()?.items;
        let phase = |device: &&Device| {
            let status = device.status.as_ref();
            status.is_some_and(|s| s.phase == DevicePhase::Active && s.token.is_empty())
        };
        (list.iter().filter(phase).count() == count).then_some(list)
    })
    .await;
    let confirmed = began.elapsed();
    let of_use = |device: &Device| device.status.as_ref().unwrap().r#use;
    let mut numbers: Vec<_> = list.iter().map(of_use).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..uses).collect::<Vec<_>>(), "each use once");
    let each = (process.count(requests).await - before) / count as f64;
    let cpu = process.cpu().saturating_sub(cpu).as_secs_f64() / count as f64;
    let bare = bare();
    let mut times: Vec<_> = granted
        .iter()
        .map(|(_, whole, last)| (*whole, *last))
        .collect();
    times.sort_unstable();
    let ninety_nine = times[(times.len() * 99).div_ceil(100) - 1].0;
    let mut answers: Vec<_> = times.iter().map(|(_, answer)| *answer).collect();
    answers.sort_unstable();
    println!(
        "{count} devices: granted in {took:.1?}, active in {confirmed:.1?}; to the grant: median {:.2?}, p99 \
         {ninety_nine:.2?}; one answer: p99 {:.2?}; {heard:?}; {each:.2} requests each; CPU {:.1} ms each, bare {:.1} \
         ms: {:.2}",
        times[times.len() / 2].0,
        answers[(answers.len() * 99).div_ceil(100) - 1],
        cpu * 1e3,
        bare * 1e3,
        cpu / bare,
    );
    assert_eq!(heard.errors.load(Ordering::SeqCst), 0, "no 5xx");
    // Twelve are counted above where nobody is in the way; here others change the same nodes at the same time.
    assert!(each <= 14.0, "{each} requests to the API server for each");
}

/// Seconds of one certificate and one hash of a password, and nothing else: of this thread alone.
fn bare() -> f64 {
    const TIMES: u32 = 10;
    let (authority, key) = vigla_fleet::authority::new("bare").unwrap();
    drop(authority);
    let key = KeyPair::try_from(key.as_slice()).unwrap();
    let issuer = rcgen::Issuer::new(vigla_fleet::authority::params("bare"), key);
    let own = KeyPair::generate().unwrap();
    let params = scrypt::Params::new(15, 8, 1).unwrap();
    let before = on_cpu();
    for _ in 0..TIMES {
        let leaf = rcgen::CertificateParams::default();
        leaf.signed_by(&own, &issuer).unwrap();
        scrypt::scrypt(b"password", &[7; 8], &params, &mut [0; 64]).unwrap();
    }
    (on_cpu() - before) / f64::from(TIMES)
}

/// Seconds that this thread was on a processor.
#[allow(clippy::cast_precision_loss, reason = "nanoseconds of minutes")]
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = text.split(' ').next().unwrap().parse::<u64>().unwrap();
    nanoseconds as f64 / 1e9
}
