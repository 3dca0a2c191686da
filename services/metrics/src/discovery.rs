//! Home Assistant discovery: sensors appear by themselves.
//!
//! One retained document per camera and label. The state is read from the `counts` topic, and
//! `expire_after` makes a sensor unavailable when a camera stops counting while the node is online.
//! When a camera or label is gone its document is replaced by an empty one, which removes the
//! sensor.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::topics::Topics;

/// After so many seconds without counts a sensor is unavailable.
const EXPIRE_SECONDS: u32 = 15;

/// A retained document by topic; empty text removes it.
pub type Documents = BTreeMap<String, String>;

/// One camera as discovery sees it: its id, and what a person calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub label: String,
}

/// The documents of all sensors of `node`.
#[must_use]
pub fn documents(node: &str, topics: &Topics, cameras: &[Camera], labels: &[String]) -> Documents {
    let pairs = cameras
        .iter()
        .flat_map(|camera| labels.iter().map(move |label| (camera, label)));
    pairs
        .map(|(camera, label)| {
            let object = format!("{}_{}", word(&camera.id), word(label));
            (
                topics.sensor(&object),
                sensor(node, topics, camera, label, &object).to_string(),
            )
        })
        .collect()
}

/// What must be published so that the broker holds `now` and nothing else of `before`.
#[must_use]
pub fn changes(before: &Documents, now: &Documents) -> Documents {
    let gone = before.keys().filter(|topic| !now.contains_key(*topic));
    let removed = gone.map(|topic| (topic.clone(), String::new()));
    let changed = now
        .iter()
        .filter(|(topic, text)| before.get(*topic) != Some(text));
    removed
        .chain(changed.map(|(topic, text)| (topic.clone(), text.clone())))
        .collect()
}

fn sensor(node: &str, topics: &Topics, camera: &Camera, label: &str, object: &str) -> Value {
    // In a Jinja text inside single quotes; a label file may hold anything.
    let key = label.replace('\\', "\\\\").replace('\'', "\\'");
    json!({
        "name": format!("{} {label}", camera.label),
        "unique_id": format!("{node}_{object}"),
        "state_topic": topics.counts(&camera.id),
        "value_template": format!("{{{{ value_json.counts['{key}'] | default(0) }}}}"),
        "state_class": "measurement",
        "icon": icon(label),
        "expire_after": EXPIRE_SECONDS,
        "availability_topic": topics.availability(),
        "availability_template": "{{ 'online' if value == 'online' else 'offline' }}",
        "qos": 1,
        "device": {
            "identifiers": [node],
            "name": format!("Vigla {}", node.trim_start_matches("vigla-")),
            "manufacturer": "Vigla",
            "model": "Vigla node",
            "sw_version": env!("CARGO_PKG_VERSION"),
        },
        "origin": {"name": "vigla-metrics", "sw_version": env!("CARGO_PKG_VERSION")},
    })
}

/// Home Assistant allows `[a-zA-Z0-9_-]` in ids; others become their hexadecimal code, so that two
/// different names never meet.
fn word(text: &str) -> String {
    let spell = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' => c.to_string(),
        ' ' => String::from("_"),
        c => format!("_{:x}_", u32::from(c)),
    };
    text.chars().map(spell).collect()
}

fn icon(label: &str) -> &'static str {
    match label {
        "person" => "mdi:account",
        "car" => "mdi:car",
        "bicycle" => "mdi:bicycle",
        "motorcycle" => "mdi:motorbike",
        "bus" => "mdi:bus",
        "truck" => "mdi:truck",
        "dog" => "mdi:dog",
        "cat" => "mdi:cat",
        _ => "mdi:counter",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cameras: &[&str], labels: &[&str]) -> Documents {
        let topics = Topics::new("vigla-1", "demo", "homeassistant");
        let camera = |id: &&str| Camera {
            id: (*id).to_owned(),
            label: format!("Camera {id}"),
        };
        let cameras: Vec<_> = cameras.iter().map(camera).collect();
        let labels: Vec<_> = labels.iter().map(|label| (*label).to_owned()).collect();
        documents("vigla-1", &topics, &cameras, &labels)
    }

    #[test]
    fn one_sensor_per_camera_and_label() {
        let all = of(&["front", "usb-1.2"], &["car", "traffic light"]);
        assert_eq!(all.len(), 4);
        let topic = "homeassistant/sensor/vigla-1/usb-1_2e_2_traffic_light/config";
        let document: Value = serde_json::from_str(&all[topic]).unwrap();
        assert_eq!(document["state_topic"], "vigla/v1/vigla-1/usb-1.2/counts");
        assert_eq!(
            document["value_template"],
            "{{ value_json.counts['traffic light'] | default(0) }}"
        );
        assert_eq!(
            document["availability_topic"],
            "vigla/v1/vigla-1/availability"
        );
        assert_eq!(document["device"]["identifiers"][0], "vigla-1");
    }

    #[test]
    fn a_label_cannot_break_out_of_the_template() {
        let all = of(&["a"], &["x'] }}{{ evil"]);
        let document: Value = serde_json::from_str(all.values().next().unwrap()).unwrap();
        assert_eq!(
            document["value_template"],
            r"{{ value_json.counts['x\'] }}{{ evil'] | default(0) }}"
        );
    }

    #[test]
    fn a_sensor_that_is_gone_is_removed() {
        let (before, now) = (
            of(&["front"], &["car", "bus"]),
            of(&["front"], &["car", "person"]),
        );
        let changes = changes(&before, &now);
        let empty = |label: &str| {
            changes[&format!("homeassistant/sensor/vigla-1/front_{label}/config")].is_empty()
        };
        assert_eq!(
            (changes.len(), empty("bus"), empty("person")),
            (2, true, false)
        );
    }
}
