//! Our readers of the detector's rings: one per camera, without wake-ups, looked at once a second.
//!
//! A ring dies with the detector or the camera; then it is opened again, and until it opens the
//! camera has no new records. Nothing here waits for long: a detector that hangs costs half a second
//! per attempt, and attempts are apart.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;
use vigla_bus::detector::FrameDetections;
use vigla_frames::{Reader, Wait};
use vigla_kit::{Context, peer};

use crate::metrics::Series;

/// Longest wait for a ring to be handed out.
const PATIENCE: Duration = Duration::from_millis(500);
/// After a detector that did not answer in time, none is asked for so many seconds.
const PAUSE: u32 = 5;

/// The readers, by camera.
pub(crate) struct Rings {
    context: Context,
    series: Series,
    readers: BTreeMap<String, Reader>,
    /// Seconds to go before the next attempt.
    pause: u32,
}

impl Rings {
    pub(crate) fn new(context: Context, series: Series) -> Self {
        Self {
            context,
            series,
            readers: BTreeMap::new(),
            pause: 0,
        }
    }

    /// The detector is gone or new: every ring of before is dead.
    pub(crate) fn close(&mut self) {
        self.readers.clear();
        self.pause = 0;
    }

    /// Opens what is missing of `cameras`, and closes the rest. Called once a second.
    pub(crate) async fn follow(&mut self, cameras: impl Iterator<Item = &String>) {
        let cameras: Vec<&String> = cameras.collect();
        self.readers.retain(|camera, _| cameras.contains(&camera));
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        for camera in cameras {
            if self.readers.contains_key(camera) {
                continue;
            }
            match timeout(PATIENCE, self.open(camera)).await {
                Ok(Ok(reader)) => {
                    self.readers.insert(camera.clone(), reader);
                }
                // A detector that has just started does not know the camera yet.
                Ok(Err(error)) => {
                    tracing::debug!(camera, error = %format!("{error:#}"), "no detections yet, asking again");
                }
                Err(_) => {
                    tracing::debug!(
                        camera,
                        "the detector hands out no ring in time, asking later"
                    );
                    self.pause = PAUSE;
                    return;
                }
            }
        }
    }

    async fn open(&self, camera: &str) -> anyhow::Result<Reader> {
        let handles = peer::open_detections(&self.context, camera, false).await?;
        let (ring, leases) = (handles.ring.into(), handles.leases.into());
        Ok(Reader::open(ring, leases, handles.wakeup.into())?)
    }

    /// The newest record of each ring.
    pub(crate) fn newest(&mut self) -> Vec<FrameDetections> {
        let series = &self.series;
        let mut all = Vec::new();
        self.readers.retain(|camera, reader| {
            if let Some(lease) = reader.peek() {
                match serde_json::from_slice::<FrameDetections>(lease.bytes()) {
                    Ok(frame) if frame.camera_id == *camera => {
                        series.frames.inc();
                        all.push(frame);
                    }
                    Ok(_) => series.bad_frames.inc(),
                    Err(error) => {
                        tracing::debug!(camera, %error, "cannot read a record, leaving it out");
                        series.bad_frames.inc();
                    }
                }
            }
            !matches!(reader.wait(Duration::ZERO), Ok(Wait::WriterGone) | Err(_))
        });
        all
    }
}
