//! Every topic we publish to, once.

/// A text as one level of a topic: what MQTT reads as structure (`/`, `+`, `#`), white space and
/// control characters become `_`; an empty text becomes `_`.
#[must_use]
pub fn level(text: &str) -> String {
    let structure = |c: char| matches!(c, '/' | '+' | '#') || c.is_whitespace() || c.is_control();
    let level: String = text
        .chars()
        .map(|c| if structure(c) { '_' } else { c })
        .collect();
    if level.is_empty() {
        String::from("_")
    } else {
        level
    }
}

/// The topics of one node.
#[derive(Debug, Clone)]
pub struct Topics {
    root: String,
    legacy: String,
    discovery: String,
    node: String,
}

impl Topics {
    /// Topics for `node`; `legacy` and `discovery` are the first levels of those families.
    #[must_use]
    pub fn new(node: &str, legacy: &str, discovery: &str) -> Self {
        let node = level(node);
        Self {
            root: format!("vigla/v1/{node}"),
            legacy: legacy.to_owned(),
            discovery: discovery.to_owned(),
            node,
        }
    }

    /// `online`, `offline` (last will) or `stopped`; retained.
    #[must_use]
    pub fn availability(&self) -> String {
        format!("{}/availability", self.root)
    }

    /// Counts of `camera`, once a second.
    #[must_use]
    pub fn counts(&self, camera: &str) -> String {
        format!("{}/{}/counts", self.root, level(camera))
    }

    /// Everything in view of `camera`, when something happened.
    #[must_use]
    pub fn detections(&self, camera: &str) -> String {
        format!("{}/{}/detections", self.root, level(camera))
    }

    /// Events of all cameras.
    #[must_use]
    pub fn events(&self) -> String {
        format!("{}/events", self.root)
    }

    /// What happened to the slots.
    #[must_use]
    pub fn updates(&self) -> String {
        format!("{}/updates", self.root)
    }

    /// The old demo's topic for `label`.
    #[must_use]
    pub fn legacy(&self, label: &str) -> String {
        format!("{}/{}", self.legacy, crate::legacy::counter(label))
    }

    /// Where Home Assistant looks for the sensor `object`.
    #[must_use]
    pub fn sensor(&self, object: &str) -> String {
        format!("{}/sensor/{}/{object}/config", self.discovery, self.node)
    }

    /// Where Home Assistant says that it has started.
    #[must_use]
    pub fn birth(&self) -> String {
        format!("{}/status", self.discovery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_name_cannot_leave_its_level() {
        let topics = Topics::new("vigla-1", "demo", "homeassistant");
        assert_eq!(topics.counts("front"), "vigla/v1/vigla-1/front/counts");
        assert_eq!(topics.counts("../#/+"), "vigla/v1/vigla-1/..____/counts");
        assert_eq!(topics.counts(""), "vigla/v1/vigla-1/_/counts");
    }
}
