//! How long to wait before the next attempt: doubling, with a cap, and a little apart from others.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);

/// The waits between attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    next: Duration,
    /// 0..=1, this node's own: keeps a fleet from knocking at the same moment after a power cut.
    apart: f64,
}

impl Backoff {
    /// Waits of at most `longest`; `name` sets this node apart from others.
    pub(crate) fn new(longest: Duration, name: &str) -> Self {
        let hash = name.bytes().fold(0_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        });
        Self {
            longest,
            next: FIRST.min(longest),
            apart: f64::from(hash % 1000) / 1000.0,
        }
    }

    /// The wait before the next attempt: 75 to 100 % of the doubling step.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait.mul_f64(0.75 + self.apart / 4.0)
    }

    /// The peer answered: the next wait is the first one again.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST.min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_starts_over() {
        let mut backoff = Backoff::new(Duration::from_secs(2), "vigla-0");
        let waits: Vec<_> = (0..6).map(|_| backoff.wait()).collect();
        assert!(waits.is_sorted());
        assert_eq!(waits[4], waits[5]);
        assert!(waits[5] <= Duration::from_secs(2) && waits[5] >= Duration::from_millis(1500));
        backoff.reset();
        assert_eq!(backoff.wait(), waits[0]);
    }
}
