//! The detector's events: the last 500. Their pictures stay with the detector, which forgets them
//! in time or when the owner says so; a copy here would outlive that.
//!
//! [`follow::run`] fills the list from the bus; everybody else reads it.

pub(crate) mod follow;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::time;
use vigla_bus::{
    detector::{DetectorProxy, Event},
    names::DETECTOR,
    zbus::{self, proxy::CacheProperties},
};
use vigla_kit::Context;

use crate::{
    fault::Fault,
    updates::{Mark, Update},
};

/// As many as the detector keeps.
pub(crate) const KEPT: usize = 500;

const PATIENCE: Duration = Duration::from_secs(2);

/// The events. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    events: VecDeque<Event>,
}

impl Events {
    /// The newest events with an id above `after`, oldest first, at most `limit`.
    pub(crate) fn after(&self, after: u64, limit: usize, camera: Option<&str>) -> Vec<Event> {
        let log = self.lock();
        let mut events: Vec<_> = log
            .events
            .iter()
            .rev()
            .filter(|e| e.id > after && camera.is_none_or(|c| c == e.camera_id))
            .take(limit)
            .cloned()
            .collect();
        events.reverse();
        events
    }

    /// What a listener missed that was last at `mark`, oldest first.
    pub(crate) fn since(&self, mark: Mark) -> Vec<Bytes> {
        let log = self.lock();
        let missed = log.events.iter().filter(|e| Mark::of(e) > mark);
        missed.map(|event| Update::Event(event).wire()).collect()
    }

    /// The mark of an event, which names its picture for ever.
    pub(crate) fn mark(&self, id: u64) -> Option<Mark> {
        self.lock().events.iter().find(|e| e.id == id).map(Mark::of)
    }

    /// The picture of an event.
    pub(crate) async fn picture(context: &Context, id: u64) -> Result<Bytes, Fault> {
        let ask = async { detector(context).await?.event_picture(id).await };
        let answer = time::timeout(PATIENCE, ask).await;
        match answer.map_err(|_| Fault::Peer(DETECTOR.binary))? {
            Ok(jpeg) => Ok(jpeg.into()),
            Err(error) if is_not_found(&error) => Err(Fault::NoPicture(id)),
            Err(error) => {
                tracing::debug!(event = id, %error, "no picture of an event");
                Err(Fault::Peer(DETECTOR.binary))
            }
        }
    }

    /// Has the detector forget the picture of an event, or all pictures.
    pub(crate) async fn forget(context: &Context, id: Option<u64>) -> Result<(), Fault> {
        let ids = id.as_slice();
        let ask = async { detector(context).await?.forget_pictures(ids).await };
        let done = time::timeout(PATIENCE, ask).await;
        done.map_err(|_| Fault::Peer(DETECTOR.binary))?
            .map_err(|error| {
                tracing::debug!(%error, "cannot have pictures forgotten");
                Fault::Peer(DETECTOR.binary)
            })
    }

    /// Adds what the detector listed; gives back what is new.
    fn add(&self, listed: Vec<Event>) -> Vec<Event> {
        let mut log = self.lock();
        let last = log.events.back().map_or(0, |e| e.id);
        let new: Vec<_> = listed.into_iter().filter(|e| e.id > last).collect();
        log.events.extend(new.iter().cloned());
        let over = log.events.len().saturating_sub(KEPT);
        log.events.drain(..over);
        new
    }

    /// The detector started anew, and counts its events from 1 again.
    fn restart(&self) {
        *self.lock() = Log::default();
    }

    fn last(&self) -> u64 {
        self.lock().events.back().map_or(0, |e| e.id)
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proxy without a cache: it listens to nothing, it only calls.
pub(crate) async fn detector(context: &Context) -> zbus::Result<DetectorProxy<'static>> {
    DetectorProxy::builder(&context.calls)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

fn is_not_found(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::MethodError(name, ..) if name.as_str() == "org.vigla.Error.NotFound")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u64, camera: &str) -> Event {
        Event {
            id,
            time_usec: id * 10,
            camera_id: camera.to_owned(),
            ..Event::default()
        }
    }

    fn ids(events: &[Event]) -> Vec<u64> {
        events.iter().map(|e| e.id).collect()
    }

    #[test]
    fn gives_the_newest_oldest_first() {
        let events = Events::default();
        events.add(
            (1..=9)
                .map(|id| event(id, if id % 2 == 0 { "b" } else { "a" }))
                .collect(),
        );
        assert_eq!(ids(&events.after(0, 3, None)), [7, 8, 9]);
        assert_eq!(ids(&events.after(0, 2, Some("b"))), [6, 8]);
        assert_eq!(ids(&events.after(7, 50, None)), [8, 9]);
    }

    #[test]
    fn adds_nothing_twice_and_keeps_the_last() {
        let events = Events::default();
        assert_eq!(
            events.add((1..=3).map(|id| event(id, "a")).collect()).len(),
            3
        );
        assert_eq!(
            ids(&events.add((2..=4).map(|id| event(id, "a")).collect())),
            [4]
        );
        events.add((5..=2 * KEPT as u64).map(|id| event(id, "a")).collect());
        assert_eq!(events.after(0, usize::MAX, None).len(), KEPT);
        let missed = events.since(Mark::of(&event(998, "a")));
        assert_eq!(missed.len(), 2);
        events.restart();
        assert_eq!(events.last(), 0);
    }
}
