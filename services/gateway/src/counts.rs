//! What is in view of each camera, once a second: for the page, the history and the watchdog.
//!
//! The detection rings are read on our own beat, without wake-ups: how often the detector looks
//! costs us nothing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{
    sync::watch,
    time::{self, MissedTickBehavior},
};
use vigla_bus::detector::FrameDetections;
use vigla_kit::{
    Context,
    peer::{self, Roster},
};

use crate::{
    history::{History, Minute},
    hubs::Hubs,
    ring::{News, Ring},
    updates::{Update, Updates},
};

const BEAT: Duration = Duration::from_secs(1);

/// The same while there is no camera: then only the watchdog wants to be fed.
const REST: Duration = Duration::from_secs(10);

/// Counts older than this are no longer what is in view.
const STALE: Duration = Duration::from_secs(4);

/// A detector that does not answer by then is asked again at the next beat.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is in view of one camera.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct InView {
    /// From capture to detections, in milliseconds; `null` while nobody counts.
    lag_ms: Option<f32>,
    counts: BTreeMap<String, u32>,
    arrivals: BTreeMap<String, u64>,
    crossings: BTreeMap<String, u64>,
}

/// The latest counts and the history of all cameras. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    in_view: HashMap<String, (InView, Instant)>,
    history: History,
}

impl Counts {
    /// What is in view; empty when nobody has looked for some seconds.
    pub(crate) fn of(&self, camera: &str) -> InView {
        self.lock()
            .in_view
            .get(camera)
            .filter(|(_, at)| at.elapsed() < STALE)
            .map_or_else(InView::default, |(in_view, _)| in_view.clone())
    }

    pub(crate) fn history(
        &self,
        camera: Option<&str>,
        now_secs: u64,
        minutes: usize,
    ) -> Vec<Minute> {
        self.lock().history.of(camera, now_secs, minutes)
    }

    fn take(&self, record: FrameDetections, now_secs: u64) -> InView {
        let mut inner = self.lock();
        let camera = record.camera_id;
        inner
            .history
            .add(&camera, now_secs, &record.counts, &record.arrivals);
        let in_view = InView {
            lag_ms: Some(record.lag_ms.round()),
            counts: record.counts,
            arrivals: record.arrivals,
            crossings: record.crossings,
        };
        inner
            .in_view
            .insert(camera, (in_view.clone(), Instant::now()));
        in_view
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads all detection rings once a second, for ever.
pub(crate) async fn run(
    context: Context,
    mut cameras: watch::Receiver<Roster>,
    detector: watch::Receiver<Option<u64>>,
    hubs: Hubs,
    counts: Counts,
    updates: Updates,
) -> anyhow::Result<()> {
    let mut rings: HashMap<String, Ring> = HashMap::new();
    let mut beat = time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        context.alive();
        let ids = hubs.ids();
        if ids.is_empty() {
            // The next beat is a second after a camera came, when its hub is there.
            let _ = time::timeout(REST, cameras.changed()).await;
            beat.reset();
        }
        rings
            .retain(|id, ring| ids.contains(id) && !matches!(ring.look(), Ok(News::Gone) | Err(_)));
        for id in ids {
            if !rings.contains_key(&id)
                && detector.borrow().is_some()
                && let Some(ring) = open(&context, &id).await
            {
                rings.insert(id.clone(), ring);
            }
            let Some(ring) = rings.get_mut(&id) else {
                continue;
            };
            let Some(record) = newest(ring, &id) else {
                continue;
            };
            let in_view = counts.take(record, context.clock.now_usec() / 1_000_000);
            updates.send(&Update::Counts {
                camera_id: &id,
                in_view: &in_view,
            });
        }
    }
}

async fn open(context: &Context, camera: &str) -> Option<Ring> {
    let ask = peer::open_detections(context, camera, false);
    let handles = time::timeout(PATIENCE, ask).await.ok()?.ok()?;
    Ring::open(handles)
        .inspect_err(|error| tracing::warn!(camera, ?error, "no counts, trying again in a second"))
        .ok()
}

fn newest(ring: &mut Ring, camera: &str) -> Option<FrameDetections> {
    let lease = ring.newest()?;
    let mut record: FrameDetections = serde_json::from_slice(lease.bytes())
        .inspect_err(|error| tracing::warn!(camera, %error, "a record is not JSON of ours"))
        .ok()?;
    // The ring was opened for this camera, whatever the record says.
    camera.clone_into(&mut record.camera_id);
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_in_view_and_its_history() {
        let counts = Counts::default();
        let record = FrameDetections {
            camera_id: "front".to_owned(),
            lag_ms: 41.6,
            counts: BTreeMap::from([("car".to_owned(), 2)]),
            ..FrameDetections::default()
        };
        counts.take(record, 120);
        assert_eq!(counts.of("front").counts["car"], 2);
        assert_eq!(counts.of("front").lag_ms, Some(42.0));
        assert_eq!(
            counts.history(Some("front"), 120, 60)[0].labels["car"].max,
            2
        );
        assert_eq!(counts.of("yard"), InView::default());
    }
}
