//! The topics that the old demo's dashboards read: `demo/car_count`, `demo/person_count`.
//!
//! The payload is theirs: the count is text, the time is text, the sensor is `image`. The old source
//! always said node `0`; we say the real one, once. What they never had is a second camera: a node
//! sends one number per label, so cameras are summed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The name of the counter for `label`: topic and key of its payload (`traffic light` is
/// `traffic_light_count`).
#[must_use]
pub fn counter(label: &str) -> String {
    let word: String = label
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    format!("{word}_count")
}

/// The payload for `label`. `timestamp` is RFC 3339 in UTC.
#[must_use]
pub fn payload(timestamp: &str, node_id: &str, label: &str, count: u64) -> Vec<u8> {
    let fields = [
        ("timestamp".to_owned(), timestamp.to_owned()),
        ("nodeid".to_owned(), node_id.to_owned()),
        ("sensor".to_owned(), "image".to_owned()),
        (counter(label), count.to_string()),
    ];
    let map: Map<String, Value> = fields
        .into_iter()
        .map(|(key, text)| (key, Value::String(text)))
        .collect();
    Value::Object(map).to_string().into_bytes()
}

/// Objects with `label` in all cameras together; `None` when no camera counts that label.
#[must_use]
pub fn sum<'a>(
    counts: impl IntoIterator<Item = &'a BTreeMap<String, u32>>,
    label: &str,
) -> Option<u64> {
    let found: Vec<u64> = counts
        .into_iter()
        .filter_map(|c| c.get(label))
        .map(|n| u64::from(*n))
        .collect();
    if found.is_empty() {
        None
    } else {
        Some(found.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_what_the_old_dashboards_read() {
        let payload = payload("2026-11-22T08:00:00.000Z", "vigla-0a1b2c3d4e5f", "car", 3);
        let value: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "timestamp": "2026-11-22T08:00:00.000Z",
                "nodeid": "vigla-0a1b2c3d4e5f",
                "sensor": "image",
                "car_count": "3",
            })
        );
    }

    #[test]
    fn names_are_safe_in_a_topic() {
        for (label, name) in [
            ("car", "car_count"),
            ("traffic light", "traffic_light_count"),
            ("a/#+", "a____count"),
        ] {
            assert_eq!(counter(label), name);
        }
    }

    #[test]
    fn sums_cameras_and_tells_nobody_counted_from_none_seen() {
        let one = BTreeMap::from([("car".to_owned(), 2), ("person".to_owned(), 0)]);
        let two = BTreeMap::from([("car".to_owned(), 1)]);
        let both = [&one, &two];
        assert_eq!(sum(both, "car"), Some(3));
        assert_eq!(sum(both, "person"), Some(0));
        assert_eq!(sum(both, "dog"), None);
    }
}
