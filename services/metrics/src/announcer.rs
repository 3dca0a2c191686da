//! Keeps the discovery documents in step with the cameras and labels.

use tokio::sync::watch;
use vigla_bus::camera::CameraState;
use vigla_kit::peer::Roster;

use crate::discovery::{self, Camera, Documents};
use crate::topics::Topics;

/// Writes the documents; the broker's thread reads them.
#[derive(Debug)]
pub(crate) struct Announcer {
    pub(crate) node_id: String,
    pub(crate) topics: Topics,
    pub(crate) documents: watch::Sender<Documents>,
}

impl Announcer {
    /// Documents change only while we know the cameras and labels: a peer that restarts is no
    /// reason to remove sensors.
    pub(crate) fn announce(&self, roster: &Roster, labels: &[String]) {
        if !roster.present || labels.is_empty() {
            return;
        }
        let camera = |(id, state): (&String, &CameraState)| Camera {
            id: id.clone(),
            label: state.label.clone(),
        };
        let cameras: Vec<Camera> = roster.cameras.iter().map(camera).collect();
        let now = discovery::documents(&self.node_id, &self.topics, &cameras, labels);
        self.documents.send_if_modified(|old| {
            let changed = *old != now;
            *old = now;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_service_that_restarts_removes_no_sensor() {
        let topics = Topics::new("vigla-1", "demo", "homeassistant");
        let (documents, seen) = watch::channel(Documents::new());
        let announcer = Announcer {
            node_id: "vigla-1".into(),
            topics,
            documents,
        };
        let labels = ["car".to_owned()];
        let cameras = [("front".to_owned(), CameraState::default())].into();
        announcer.announce(
            &Roster {
                present: true,
                generation: 1,
                cameras,
            },
            &labels,
        );
        assert_eq!(seen.borrow().len(), 1);
        announcer.announce(&Roster::default(), &labels);
        announcer.announce(
            &Roster {
                present: true,
                ..Roster::default()
            },
            &[],
        );
        assert_eq!(seen.borrow().len(), 1);
        announcer.announce(
            &Roster {
                present: true,
                ..Roster::default()
            },
            &labels,
        );
        assert!(seen.borrow().is_empty());
    }
}
