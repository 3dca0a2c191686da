//! The account of a sink: what became of every message that was handed in.

/// Why a message was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There was no room, and others were worth more.
    Full,
    /// No peer would take one so large.
    TooBig,
    /// It waited longer than it may.
    Old,
    /// It was stored, and could not be read again.
    Damaged,
    /// The peer has it, and says that it does not want it.
    Refused,
    /// Sent or dropped: it was known until a bookmark was damaged.
    Unknown,
}

impl Reason {
    /// All of them, in the order in which they are stored.
    pub const ALL: [Self; 6] = [
        Self::Full,
        Self::TooBig,
        Self::Old,
        Self::Damaged,
        Self::Refused,
        Self::Unknown,
    ];

    /// The word on the bus and in the metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooBig => "too-big",
            Self::Old => "old",
            Self::Damaged => "damaged",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// The account of a queue: each accepted message is sent, stored or dropped for a reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Messages handed in since the queue exists.
    pub accepted: u64,
    /// Messages the peer acknowledged.
    pub sent: u64,
    /// Messages waiting, lent ones included.
    pub stored: u64,
    /// Messages given up, by [`Reason`].
    pub dropped: Dropped,
}

/// Messages given up, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped([u64; Reason::ALL.len()]);

impl Dropped {
    /// Out of [`to_array`](Self::to_array).
    #[must_use]
    pub const fn from_array(counts: [u64; Reason::ALL.len()]) -> Self {
        Self(counts)
    }

    /// In the order of [`Reason::ALL`].
    #[must_use]
    pub const fn to_array(self) -> [u64; Reason::ALL.len()] {
        self.0
    }

    /// How many for `reason`.
    #[must_use]
    pub const fn by(self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }

    /// Counts `messages` more.
    pub const fn add(&mut self, reason: Reason, messages: u64) {
        self.0[reason as usize] += messages;
    }

    /// All drops, whatever the reason.
    #[must_use]
    pub fn total(self) -> u64 {
        self.0.iter().sum()
    }
}

impl std::ops::Add for Dropped {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|reason| {
            self.0[reason] + other.0[reason]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_kept_by_reason() {
        let mut dropped = Dropped::default();
        for (count, reason) in (1..).zip(Reason::ALL) {
            dropped.add(reason, count);
        }
        assert_eq!(dropped.to_array(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            ((dropped + dropped).by(Reason::Damaged), dropped.total()),
            (8, 21)
        );
    }
}
