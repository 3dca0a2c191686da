//! Server-sent events: one text per update, written once and shared by all who listen.
//!
//! A listener that is too slow loses updates and then gets the whole state again: nothing is kept
//! for it beyond the last [`KEPT`] updates that all listeners share.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time,
};
use vigla_bus::detector::Event;

use crate::{counts::InView, state::State};

const KEPT: usize = 64;

/// Silence after which a comment shows that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// One update.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Update<'a> {
    State(Box<State>),
    Counts {
        camera_id: &'a str,
        #[serde(flatten)]
        in_view: &'a InView,
    },
    Event(&'a Event),
}

impl Update<'_> {
    /// The update as it goes over the wire. JSON has no line breaks, so one `data` line is enough.
    pub(crate) fn wire(&self) -> Bytes {
        let json = serde_json::to_string(self).unwrap_or_default();
        match self {
            Self::State(_) => format!("event: state\ndata: {json}\n\n"),
            Self::Counts { .. } => format!("event: counts\ndata: {json}\n\n"),
            Self::Event(event) => {
                format!("event: event\nid: {}\ndata: {json}\n\n", Mark::of(event))
            }
        }
        .into()
    }
}

/// Where a listener was: `<time_usec>-<id>` of the last event. Ids alone start again with the
/// detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    time_usec: u64,
    id: u64,
}

impl Mark {
    pub(crate) fn of(event: &Event) -> Self {
        Self {
            time_usec: event.time_usec,
            id: event.id,
        }
    }

    /// Reads a `Last-Event-ID`; `None` when it is not one of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (time, id) = text.trim().split_once('-')?;
        Some(Self {
            time_usec: time.parse().ok()?,
            id: id.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.time_usec, self.id)
    }
}

/// Where updates are handed in. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Updates(broadcast::Sender<Bytes>);

impl Default for Updates {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl Updates {
    /// Tells all listeners; writes nothing when there are none.
    pub(crate) fn send(&self, update: &Update<'_>) {
        if self.are_heard() {
            let _ = self.0.send(update.wire());
        }
    }

    /// Whether anybody listens.
    pub(crate) fn are_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// The stream of one listener: the state, the events it missed, then what comes. `state`
    /// writes the state anew when the listener lost updates.
    pub(crate) fn listen<K: Send + Sync + 'static>(
        &self,
        state: Box<dyn Fn() -> Bytes + Send + Sync>,
        missed: Vec<Bytes>,
        keep: K,
    ) -> impl Stream<Item = Bytes> + Send + Sync + use<K> {
        // Subscribed before the state is read, so that nothing falls between the two.
        let receiver = self.0.subscribe();
        let mut first = VecDeque::from([Bytes::from_static(b"retry: 1000\n\n"), state()]);
        first.extend(missed);
        stream::unfold(
            (first, receiver, state, keep),
            |(mut first, mut receiver, state, keep)| async move {
                let next = match first.pop_front() {
                    Some(next) => next,
                    None => match time::timeout(HEARTBEAT, receiver.recv()).await {
                        Err(_) => Bytes::from_static(b": still here\n\n"),
                        Ok(Ok(update)) => update,
                        Ok(Err(RecvError::Lagged(_))) => {
                            receiver = receiver.resubscribe();
                            state()
                        }
                        Ok(Err(RecvError::Closed)) => return None,
                    },
                };
                Some((next, (first, receiver, state, keep)))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;

    use super::*;

    fn event(id: u64) -> Event {
        Event {
            id,
            time_usec: 5,
            ..Event::default()
        }
    }

    #[test]
    fn an_event_has_an_id_that_can_be_read_back() {
        let wire = Update::Event(&event(7)).wire();
        let text = std::str::from_utf8(&wire).unwrap();
        assert!(text.starts_with("event: event\nid: 5-7\ndata: {\"id\":7,"));
        assert!(text.ends_with("}\n\n"));
        assert_eq!(Mark::parse("5-7"), Some(Mark::of(&event(7))));
        for text in ["", "7", "x-1", "5-", "1-2-3"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_gets_state_missed_events_news_and_heartbeats() {
        let updates = Updates::default();
        let missed = vec![Bytes::from("missed")];
        let mut stream = pin!(updates.listen(Box::new(|| Bytes::from("state")), missed, ()));
        for expected in ["retry: 1000\n\n", "state", "missed"] {
            assert_eq!(stream.next().await.unwrap(), expected);
        }
        updates.send(&Update::Event(&event(1)));
        assert!(stream.next().await.unwrap().starts_with(b"event: event"));
        assert_eq!(stream.next().await.unwrap(), ": still here\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_fell_behind_starts_again_from_the_state() {
        let updates = Updates::default();
        let mut stream = pin!(updates.listen(Box::new(|| Bytes::from("state")), Vec::new(), ()));
        for id in 0..2 * KEPT as u64 {
            updates.send(&Update::Event(&event(id)));
        }
        stream.next().await;
        stream.next().await;
        assert_eq!(stream.next().await.unwrap(), "state");
        updates.send(&Update::Event(&event(999)));
        let next = stream.next().await.unwrap();
        assert!(next.starts_with(b"event: event\nid: 5-999"));
    }

    #[test]
    fn any_damage_to_a_header_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "header", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            if let Some(mark) = Mark::parse(&text) {
                assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
            }
            let mut headers = hyper::HeaderMap::new();
            if let Ok(value) = hyper::header::HeaderValue::from_bytes(bytes) {
                headers.insert(hyper::header::COOKIE, value);
            }
            crate::login::cookie(&headers);
        });
    }
}
