//! The topics that the old demo's dashboards read: `demo/car_count`, `demo/person_count`.
//!
//! The payload is theirs, to the order of its keys: the count is text, the sensor is `image`, and the
//! time is text as Python prints it (theirs was local time, ours is UTC). The old source always said
//! node `0` and repeated the key; we say the real node, once. What it never had is a second camera: a
//! node sends one number per label, so cameras are summed.

use std::collections::BTreeMap;

use serde::Serializer;
use serde::ser::SerializeMap;
use vigla_kit::clock::rfc3339;

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

/// The payload for `label`, in the order in which the old source wrote it. `time_usec` is wall time.
#[must_use]
pub fn payload(time_usec: u64, node_id: &str, label: &str, count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let fields = [
        ("timestamp", timestamp(time_usec)),
        ("nodeid", node_id.to_owned()),
        ("sensor", String::from("image")),
        (&counter(label), count.to_string()),
    ];
    let mut json = serde_json::Serializer::new(&mut bytes);
    let written = json.serialize_map(Some(fields.len())).and_then(|mut map| {
        for (key, text) in &fields {
            map.serialize_entry(key, text)?;
        }
        map.end()
    });
    debug_assert!(written.is_ok(), "texts into a vector");
    bytes
}

/// `2026-11-22 08:00:01.033120`: date, time and microseconds.
fn timestamp(usec: u64) -> String {
    let seconds = rfc3339(usec);
    let (date, time) = (
        seconds.get(..10).unwrap_or_default(),
        seconds.get(11..19).unwrap_or_default(),
    );
    format!("{date} {time}.{:06}", usec % 1_000_000)
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
        let payload = payload(1_700_000_000_000_789, "vigla-0a1b2c3d4e5f", "car", 3);
        let expected = r#"{"timestamp":"2023-11-14 22:13:20.000789","nodeid":"vigla-0a1b2c3d4e5f","sensor":"image","car_count":"3"}"#;
        assert_eq!(String::from_utf8(payload).unwrap(), expected);
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
