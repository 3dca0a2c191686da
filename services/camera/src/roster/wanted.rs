//! Which of the devices that are plugged in somebody wants, and with what settings. Pure, but for
//! links of udev, which are followed.

use crate::config::{Camera, Match, Origin, Settings};
use crate::identity::Found;
use crate::sysfs::Attributes;

/// Metadata and codec nodes are no cameras, unless somebody names their very node.
pub(super) fn is_wanted(settings: &Settings, attributes: &Attributes) -> bool {
    let node = Match::Node(attributes.node.clone());
    attributes.is_camera() || named(settings).iter().any(|(_, wanted)| *wanted == node)
}

/// The names that mean a V4L2 camera. Sorted by name: the first that fits wins.
pub(super) fn named(settings: &Settings) -> Vec<(String, Match)> {
    let devices = settings
        .camera
        .iter()
        .filter_map(|(name, camera)| match &camera.source {
            Origin::Device(wanted) => Some((name.as_str().to_owned(), wanted.resolved())),
            Origin::File(_) | Origin::Network(_) | Origin::Synthetic => None,
        });
    devices.collect()
}

/// The settings of a camera that was found: its own when it has a name, else the common ones.
pub(super) fn settings_of(settings: &Settings, id: &str, found: &Found) -> Camera {
    let named = settings.camera.iter().find(|(name, _)| name.as_str() == id);
    named.map_or_else(
        || Camera {
            source: Origin::Device(Match::Node(found.node.clone())),
            label: found.card.clone(),
            credentials: None,
            size: None,
            rate: None,
            masks: Vec::new(),
        },
        |(_, camera)| camera.clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metadata_node_is_wanted_only_by_its_name_or_a_link_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (node, link) = (folder.path().join("video1"), folder.path().join("by-id"));
        std::fs::File::create(&node).unwrap();
        std::os::unix::fs::symlink(&node, &link).unwrap();
        let attributes = Attributes {
            node: node.canonicalize().unwrap(),
            index: 1,
            ..Attributes::default()
        };
        let mut settings = Settings::default();
        assert!(!is_wanted(&settings, &attributes));
        let camera = Camera {
            source: Origin::Device(Match::Node(link)),
            label: String::new(),
            credentials: None,
            size: None,
            rate: None,
            masks: Vec::new(),
        };
        let name = "front".to_owned().try_into().unwrap();
        settings.camera.insert(name, camera);
        assert!(is_wanted(&settings, &attributes));
    }
}
