//! Follows the detector's events.
//!
//! The signal `DetectionReported` only says that there is something new (it is rate-limited);
//! what is new is then read with `ListEvents`, so that none is missed.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::{sync::watch, time};
use vigla_bus::{
    detector::{self, Event},
    names::DETECTOR,
    zbus::{self, MatchRule, MessageStream, message},
};
use vigla_kit::Context;

use super::{Events, KEPT, PATIENCE};
use crate::updates::{Update, Updates};

/// The signal comes at most once a second; what happens just after one is read a little later.
const AFTER_SIGNAL: Duration = Duration::from_millis(1100);

/// Follows the detector's events, for ever.
pub(crate) async fn run(
    context: Context,
    mut presence: watch::Receiver<Option<u64>>,
    events: Events,
    updates: Updates,
) -> anyhow::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender(DETECTOR.name)
        .interface(detector::INTERFACE)
        .member("DetectionReported")
        .build()?;
    let mut signals = MessageStream::for_match_rule(rule, &context.signals, None).await?;
    let mut generation = None;
    let mut again: Option<time::Instant> = None;
    loop {
        let now = *presence.borrow_and_update();
        if now.is_some() && now != generation {
            events.restart();
            generation = now;
            again = Some(time::Instant::now());
        }
        let due = again.unwrap_or_else(|| time::Instant::now() + AFTER_SIGNAL);
        tokio::select! {
            changed = presence.changed() => { changed?; continue; }
            signal = signals.next() => {
                if signal.is_none() { return Ok(()); }
                again = Some(time::Instant::now() + AFTER_SIGNAL);
            }
            () = time::sleep_until(due), if again.is_some() => again = None,
        }
        match list(&context, events.last()).await {
            Ok(listed) => {
                for event in events.add(listed) {
                    updates.send(&Update::Event(&event));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot list events, trying again");
                again = now.map(|_| time::Instant::now() + AFTER_SIGNAL);
            }
        }
    }
}

async fn list(context: &Context, after: u64) -> zbus::Result<Vec<Event>> {
    let limit = u32::try_from(KEPT).unwrap_or(u32::MAX);
    let ask = async {
        super::detector(context)
            .await?
            .list_events(after, limit)
            .await
    };
    time::timeout(PATIENCE, ask)
        .await
        .unwrap_or_else(|_| Err(zbus::Error::Failure("no answer within 2 s".to_owned())))
}
