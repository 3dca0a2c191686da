//! Attempts that are given out to many: some at once, and one more now and then.

use std::time::Duration;

use tokio::time::Instant;

/// What is left of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    most: u32,
    refill: Duration,
    left: u32,
    filled: Option<Instant>,
}

impl Budget {
    /// `most` at once, and one more each `refill`.
    pub(super) const fn new(most: u32, refill: Duration) -> Self {
        Self {
            most,
            refill,
            left: most,
            filled: None,
        }
    }

    /// The same, full at `now`.
    pub(super) fn from(self, now: Instant) -> Self {
        Self {
            filled: Some(now),
            ..self
        }
    }

    /// Takes one if more than `leave` are left.
    pub(super) fn take(&mut self, leave: u32, now: Instant) -> Option<()> {
        let filled = *self.filled.get_or_insert(now);
        let since = now.duration_since(filled).as_millis();
        let more = since / self.refill.as_millis().max(1);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(more).min(self.most);
        // What is not yet a whole one counts the next time, unless there was nothing to refill.
        self.filled = Some(if self.left == self.most {
            now
        } else {
            filled + self.refill * more
        });
        if self.left <= leave {
            return None;
        }
        self.left -= 1;
        Some(())
    }

    /// One was not used up after all.
    pub(super) fn give_back(&mut self) {
        self.left = (self.left + 1).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refills_one_by_one_and_loses_no_part_of_the_time() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut budget = Budget::new(3, 3 * second).from(now);
        assert_eq!((0..9).filter(|_| budget.take(0, now).is_some()).count(), 3);
        let asked = (1..=30).filter(|&n| budget.take(0, now + n * second).is_some());
        assert_eq!(asked.count(), 10);
        budget.give_back();
        assert_eq!(budget.take(1, now + 30 * second), None);
        budget.take(0, now + 30 * second).unwrap();
    }
}
