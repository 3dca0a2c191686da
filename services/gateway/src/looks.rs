//! Whether somebody looks at the node.
//!
//! Some figures (pictures a second, messages sent) nobody signals, so they are asked for again and again: but only while
//! somebody wants them. Each request is a look, and so is a listener for updates. A node that nobody
//! looks at is left asleep.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, watch},
    time,
};

use crate::updates::Updates;

/// Figures are read this often while somebody looks.
pub(crate) const BEAT: Duration = Duration::from_secs(5);

/// Whoever asked within this may well ask again.
const LATELY: Duration = Duration::from_secs(30);

/// The first request after a rest waits so long for new figures; then it gets the old ones.
const PATIENCE: Duration = Duration::from_millis(300);

/// Who looked when, and when they were last read for. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    last: Mutex<Option<Instant>>,
    came: Notify,
    read: watch::Sender<Option<Instant>>,
}

impl Looks {
    /// Somebody looks.
    pub(crate) fn look(&self) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.came.notify_one();
    }

    /// The same, and waits a moment for figures that are not older than two beats.
    pub(crate) async fn look_anew(&self) {
        self.look();
        let mut read = self.0.read.subscribe();
        let young = |at: &Option<Instant>| at.is_none_or(|at| at.elapsed() < 2 * BEAT);
        let _ = time::timeout(PATIENCE, read.wait_for(young)).await;
    }

    /// The figures were read just now.
    pub(crate) fn was_read(&self) {
        self.0.read.send_replace(Some(Instant::now()));
    }

    /// Waits until a beat has passed since `told` and somebody looks, who may be one of `updates`.
    pub(crate) async fn due(&self, told: Instant, updates: &Updates) {
        while !updates.are_heard() && !self.lately() {
            self.0.came.notified().await;
        }
        time::sleep_until((told + BEAT).into()).await;
    }

    fn lately(&self) -> bool {
        let last = *self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < LATELY)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn long_ago() -> Instant {
        Instant::now().checked_sub(4 * BEAT).unwrap()
    }

    #[tokio::test]
    async fn figures_are_due_only_while_somebody_looks() {
        let (looks, updates) = (Looks::default(), Updates::default());
        assert!(looks.due(long_ago(), &updates).now_or_never().is_none());
        looks.look();
        looks.due(long_ago(), &updates).await;
        let listener = updates.listen(Box::new(bytes::Bytes::new), Vec::new(), ());
        let deaf = Looks::default();
        deaf.due(long_ago(), &updates).await;
        drop(listener);
        assert!(deaf.due(long_ago(), &updates).now_or_never().is_none());
    }

    #[tokio::test]
    async fn the_first_look_after_a_rest_waits_for_figures() {
        let looks = Looks::default();
        looks.0.read.send_replace(Some(long_ago()));
        let waits = looks.look_anew();
        let reads = async {
            looks.due(long_ago(), &Updates::default()).await;
            looks.was_read();
        };
        tokio::join!(waits, reads);
        assert!(looks.0.read.borrow().unwrap() > long_ago() + BEAT);
    }
}
