//! Paces a source that has no clock of its own: a file, a drawing.

use std::time::{Duration, Instant};

/// Counts ticks at a steady rate. A reader that is late skips ticks, and never catches up in a burst.
#[derive(Debug)]
pub struct Pace {
    start: Instant,
    period: Duration,
    next: u64,
}

impl Pace {
    /// Starts now; the first tick is due at once.
    pub fn new(period: Duration) -> Self {
        Self {
            start: Instant::now(),
            period: period.max(Duration::from_millis(1)),
            next: 0,
        }
    }

    /// Waits for the next tick, at most `patience`; its number, counted from 0, when it came.
    pub fn tick(&mut self, patience: Duration) -> Option<u64> {
        let (wait, tick) = due(self.start.elapsed(), self.period, self.next);
        #[allow(
            clippy::disallowed_methods,
            reason = "nothing will happen that could be waited for: time itself is the event"
        )]
        std::thread::sleep(wait.min(patience));
        (wait <= patience).then(|| {
            self.next = tick + 1;
            tick
        })
    }
}

/// How long to wait, and which tick it is then: `next`, or the running one when that is past.
fn due(elapsed: Duration, period: Duration, next: u64) -> (Duration, u64) {
    let running = u64::try_from(elapsed.as_nanos() / period.as_nanos()).unwrap_or(u64::MAX);
    if running >= next {
        return (Duration::ZERO, running);
    }
    let at = period.saturating_mul(u32::try_from(next).unwrap_or(u32::MAX));
    (at.saturating_sub(elapsed), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_next_tick_and_skips_what_is_past() {
        let ms = Duration::from_millis;
        assert_eq!(due(ms(0), ms(100), 0), (ms(0), 0));
        assert_eq!(due(ms(30), ms(100), 1), (ms(70), 1));
        assert_eq!(due(ms(130), ms(100), 1), (ms(0), 1));
        assert_eq!(due(ms(950), ms(100), 2), (ms(0), 9));
    }
}
