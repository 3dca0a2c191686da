//! A scene with a known truth: what is in which frame, and that the counts say the same.

use std::collections::BTreeMap;

use crate::bench::Bench;
use crate::camera::Script;

/// What is drawn into frame `id`: cars that come and go one by one, and a person now and then.
pub(crate) fn truth(id: u64) -> Vec<(&'static str, [f64; 4])> {
    let mut objects = Vec::new();
    let cars = id / 20 % 4;
    for lane in 0..cars {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let (top, left) = (0.1 + 0.2 * lane as f64, (id % 20) as f64 * 0.02);
        objects.push(("car", [left, top, left + 0.2, top + 0.15]));
    }
    if id / 30 % 2 == 1 {
        objects.push(("person", [0.8, 0.5, 0.85, 0.9]));
    }
    // Nobody counts dogs here.
    objects.push(("dog", [0.9, 0.1, 0.95, 0.2]));
    objects
}

/// The number of objects of each counted label in frame `id`.
fn counts(id: u64, labels: &[String]) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<_, _> = labels.iter().map(|l| (l.clone(), 0)).collect();
    for (label, _) in truth(id) {
        if let Some(count) = counts.get_mut(label) {
            *count += 1;
        }
    }
    counts
}

/// A frame as the synthetic camera writes it: a real picture with its truth before it.
pub(crate) fn picture(id: u64) -> Vec<u8> {
    let objects = truth(id).into_iter();
    let objects: Vec<_> = objects
        .map(|(label, bounds)| serde_json::json!({"label": label, "box": bounds}))
        .collect();
    with_truth(&serde_json::to_string(&objects).unwrap())
}

/// A grey picture that carries `json` as its truth.
pub(crate) fn with_truth(json: &str) -> Vec<u8> {
    let plain = crate::clip::grey();
    let body = [b"VIGLA-TRUTH\0", json.as_bytes()].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&plain[..2], &[0xff, 0xeb], &length, &body, &plain[2..]].concat()
}

#[tokio::test]
async fn counts_equal_the_truth_in_every_frame() {
    let bench = Bench::start(Script::Truth, "").await;
    let labels = bench.detector.labels().await.unwrap();
    let mut records = bench.records().await;
    let mut cars = std::collections::BTreeSet::new();
    for record in records.take(60).await {
        let expected = counts(record.frame_id, &labels);
        assert_eq!(record.counts, expected, "frame {}", record.frame_id);
        assert_eq!(record.basis, "truth");
        let in_view = u32::try_from(record.objects.len()).unwrap();
        assert_eq!(in_view, expected.values().sum::<u32>());
        cars.insert(expected["car"]);
    }
    assert!(cars.len() > 1, "the scene changes: {cars:?}");
    let model = bench.detector.model().await.unwrap();
    assert_eq!((model.name.as_str(), model.digest.as_str()), ("truth", ""));
    assert_eq!(bench.problems().await, []);
}

#[tokio::test]
async fn more_happens_than_is_signalled_and_all_of_it_is_kept() {
    use futures_util::StreamExt;
    let bench = Bench::start(Script::Truth, "").await;
    let mut signals = bench.detector.receive_detection_reported().await.unwrap();
    let mut told = Vec::new();
    for _ in 0..3 {
        let signal = bench.soon(signals.next()).await.unwrap();
        told.push(signal.args().unwrap().event.id);
    }
    assert!(told.is_sorted(), "{told:?}");
    let events = bench.detector.list_events(0, 500).await.unwrap();
    assert!(
        events.len() > told.len(),
        "more happened than was signalled"
    );
    assert!(events.is_sorted_by_key(|event| event.id));
    let newest = events.last().unwrap().id;
    assert!(bench.detector.list_events(newest, 1).await.unwrap().len() <= 1);
    let arrival = events.iter().find(|e| e.kind == "arrival").unwrap();
    assert_eq!(arrival.camera_id, "front");
    assert_eq!(arrival.reasons["basis"], "truth");
    let picture = bench.detector.event_picture(arrival.id).await.unwrap();
    let picture = vigla_vision::picture::decode_rgb(&picture).unwrap();
    assert!((1..=320).contains(&picture.width));
}
