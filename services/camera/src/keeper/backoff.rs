//! When to try a source again. Pure.

use std::time::Duration;

/// When to try again: a quarter of a second, doubled with each failure up to ten seconds.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(250);
    const MOST: Duration = Duration::from_secs(10);

    /// The pause after a source that had given pictures for `worked`.
    pub(super) fn after(&mut self, worked: Duration) -> Duration {
        if worked > Self::MOST {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let doublings = (self.failures - 1).min(16);
        Self::MOST.min(Self::FIRST * 2u32.pow(doublings))
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_soon_at_first_and_seldom_later() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9)
            .map(|_| backoff.after(Duration::ZERO).as_millis())
            .collect();
        assert_eq!(
            pauses,
            [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]
        );
        assert_eq!(backoff.after(Duration::from_mins(1)).as_millis(), 250);
    }
}
