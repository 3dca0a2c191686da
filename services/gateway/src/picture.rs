//! One picture as the gateway keeps it, and a picture together with what was seen on it.

use std::sync::Arc;

use bytes::Bytes;
use vigla_bus::detector::FrameDetections;

use crate::multipart::{Part, Stamp};

/// A JPEG, copied once out of the camera's ring, already dressed as a multipart part.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) stamp: Stamp,
    pub(crate) part: Part,
}

impl Picture {
    /// `None` when the bytes are not a JPEG: the ring comes from another process.
    pub(crate) fn new(stamp: Stamp, jpeg: &[u8]) -> Option<Self> {
        jpeg.starts_with(&[0xff, 0xd8]).then(|| Self {
            stamp,
            part: Part::new("image/jpeg", stamp, jpeg),
        })
    }

    pub(crate) fn jpeg(&self) -> &Bytes {
        &self.part.payload
    }
}

/// A picture with the detections of exactly this frame.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) picture: Arc<Picture>,
    /// A [`FrameDetections`] as JSON, dressed as a part.
    pub(crate) record: Part,
}

impl Shown {
    /// `record` is the detector's JSON of this very frame, passed on untouched.
    pub(crate) fn seen(picture: Arc<Picture>, record: &[u8]) -> Self {
        let record = Part::new("application/json", picture.stamp, record);
        Self { picture, record }
    }

    /// A picture that nobody looked at: `basis` is `none`, and there are no objects.
    pub(crate) fn unseen(camera: &str, picture: Arc<Picture>) -> Self {
        let record = FrameDetections {
            camera_id: camera.to_owned(),
            frame_id: picture.stamp.frame_id,
            time_usec: picture.stamp.time_usec,
            basis: "none".to_owned(),
            ..FrameDetections::default()
        };
        let json = serde_json::to_vec(&record).unwrap_or_default();
        Self::seen(picture, &json)
    }
}
