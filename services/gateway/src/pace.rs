//! Streams that follow the newest value, no faster than asked and never with a backlog.
//!
//! A body that hyper polls is a clock of its own: hyper asks for the next part only after the
//! last one was taken by the kernel. So a slow client asks seldom, and each time gets what is
//! newest then; nothing is queued for it anywhere.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use tokio::{sync::watch, time::Instant};

/// Whether a value is to be sent, at a given moment: at most one each `period`.
#[derive(Debug)]
pub(crate) struct Pace {
    period: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(period: Duration, now: Instant) -> Self {
        Self { period, next: now }
    }

    /// When the next one may go.
    pub(crate) fn due(&self) -> Instant {
        self.next
    }

    /// Notes that one went. The beat is kept while we are less than one period late, so that 10 of
    /// 30 pictures a second are 10, not 9.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.next += self.period;
        if self.next < now {
            self.next = now + self.period;
        }
    }
}

/// Follows `newest`: each item is the newest value at the moment when it is asked for, and none
/// comes twice. `keep` lives as long as the stream. Ends when the sender is gone.
pub(crate) fn follow<T, K>(
    mut newest: watch::Receiver<Option<Arc<T>>>,
    period: Duration,
    keep: K,
) -> impl Stream<Item = Arc<T>> + Send + Sync
where
    T: Send + Sync + 'static,
    K: Send + Sync + 'static,
{
    newest.mark_changed();
    let pace = Pace::new(period, Instant::now());
    stream::unfold(
        (newest, pace, keep),
        |(mut newest, mut pace, keep)| async move {
            tokio::time::sleep_until(pace.due()).await;
            loop {
                newest.changed().await.ok()?;
                let value = newest.borrow_and_update().clone();
                if let Some(value) = value {
                    pace.sent(Instant::now());
                    return Some((value, (newest, pace, keep)));
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_gets_the_newest_and_nothing_twice() {
        let (sender, receiver) = watch::channel(None);
        let mut stream = pin!(follow(receiver, Duration::from_millis(1), ()));
        sender.send_replace(Some(Arc::new(1)));
        assert_eq!(*stream.next().await.unwrap(), 1);
        for n in 2..100 {
            sender.send_replace(Some(Arc::new(n)));
        }
        assert_eq!(*stream.next().await.unwrap(), 99);
        sender.send_replace(None);
        drop(sender);
        assert!(stream.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_joining_reader_gets_what_is_there() {
        let (_sender, receiver) = watch::channel(Some(Arc::new(7)));
        let mut stream = pin!(follow(receiver, Duration::from_millis(1), ()));
        assert_eq!(*stream.next().await.unwrap(), 7);
    }

    #[test]
    fn the_beat_is_kept_and_caught_up_without_a_burst() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut pace = Pace::new(ms(100), start);
        pace.sent(start + ms(30));
        assert_eq!(pace.due(), start + ms(100));
        pace.sent(start + ms(120));
        assert_eq!(pace.due(), start + ms(200));
        pace.sent(start + ms(1000));
        assert_eq!(pace.due(), start + ms(1100));
    }
}
