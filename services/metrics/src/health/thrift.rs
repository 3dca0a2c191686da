//! What we do about our own writes: when the budget of the day is spent, the queue is synced less often.
//!
//! Nearly all that the queue costs a card are its syncs: each rewrites a few blocks of 4 kB for a second's messages.
//! So nothing is dropped and nothing waits longer to be sent; a power cut may cost more, and the problem
//! `writes-over-budget` says so.

use std::time::Duration;

use crate::outbox::{Outbox, SYNC};

/// The queue, and what its writes may be.
#[derive(Debug)]
pub struct Thrift {
    /// Whose syncs are ours to put off.
    pub outbox: Outbox,
    /// Bytes a day.
    pub budget: u64,
    /// The time between syncs when the budget is spent.
    pub over_budget: Duration,
}

impl Thrift {
    /// Takes what this service has written in this day.
    pub fn follow(&self, today: u64) {
        let spent = today >= self.budget;
        let sync = if spent { self.over_budget } else { SYNC };
        if self.outbox.sync_within(sync) {
            let within_secs = sync.as_secs();
            if spent {
                tracing::warn!(
                    today,
                    within_secs,
                    "the day's budget of writes is spent, syncing the queue less often"
                );
            } else {
                tracing::info!(
                    within_secs,
                    "a new day's budget of writes, syncing the queue as usual"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use vigla_kit::clock::Clock;

    use super::*;
    use crate::Settings;

    #[test]
    fn a_spent_budget_puts_syncs_off_until_the_day_is_over() {
        let settings = Settings::default();
        let (memory, limits) = (settings.hold.limits(), settings.queue.limits());
        let nowhere = || Err(std::io::ErrorKind::NotFound.into());
        let outbox = Outbox::new(Box::new(nowhere), memory, limits, Clock::system());
        let over_budget = Duration::from_secs(30);
        let thrift = Thrift {
            outbox: outbox.clone(),
            budget: 100,
            over_budget,
        };
        for (today, sync) in [
            (99, SYNC),
            (100, over_budget),
            (5000, over_budget),
            (0, SYNC),
        ] {
            thrift.follow(today);
            assert!(!outbox.sync_within(sync), "{today}");
        }
    }
}
