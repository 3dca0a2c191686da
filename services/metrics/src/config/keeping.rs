//! `[hold]` and `[queue]`: how much may wait in memory and on disk, and for how long.

use serde::{Deserialize, Serialize};
use vigla_kit::config::{DAY, MINUTE, SECOND, Span};

use crate::hold::{self, Keep};
use crate::queue::Limits;

/// What is kept in memory while the broker is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Holding {
    /// Most messages.
    pub messages: Messages,
    /// Most bytes.
    pub bytes: Bytes,
}

vigla_kit::whole! {
    /// 100..=1000000: with fewer, the messages that are under way alone could fill the hold.
    pub Messages(usize) = 100..=1_000_000, "a number of messages"
}

vigla_kit::whole! {
    /// 131072..=1073741824: at least one of the largest messages fits.
    pub Bytes(usize) = 131_072..=1_073_741_824, "a number of bytes"
}

impl Holding {
    /// Largest single message in bytes: what common brokers take by default is far more.
    pub const LARGEST: usize = 128 << 10;

    /// As the hold wants it.
    #[must_use]
    pub const fn limits(self) -> hold::Limits {
        hold::Limits {
            messages: self.messages.get(),
            bytes: self.bytes.get(),
            largest: Self::LARGEST,
        }
    }
}

impl Default for Holding {
    fn default() -> Self {
        Self {
            messages: Messages::new(5000).expect("5000 is in range"),
            bytes: Bytes::new(4 << 20).expect("4 MiB is in range"),
        }
    }
}

/// What is kept on disk until the broker has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queueing {
    /// Most bytes on disk.
    pub bytes: DiskBytes,
    /// Longest wait of a message.
    pub age: Span<MINUTE, { 365 * DAY }>,
    /// Who stays when not all can.
    pub keep: Keep,
    /// What changed is synced within this time when the day's budget of writes is spent.
    pub sync_over_budget: Span<SECOND, { 10 * MINUTE }>,
}

vigla_kit::whole! {
    /// 2097152..=68719476736: at least eight segments.
    pub DiskBytes(u64) = 2_097_152..=68_719_476_736, "a number of bytes"
}

impl Queueing {
    /// Bytes of a segment: room is made, and files are removed, in steps of this.
    pub const SEGMENT: u64 = 256 << 10;

    /// As the queue wants it.
    #[must_use]
    pub const fn limits(self) -> Limits {
        Limits {
            bytes: self.bytes.get(),
            segment: Self::SEGMENT,
            largest: Holding::LARGEST,
            age: self.age.get(),
            keep: self.keep,
        }
    }
}

impl Default for Queueing {
    fn default() -> Self {
        Self {
            bytes: DiskBytes::new(64 << 20).expect("64 MiB is in range"),
            age: Span::from_secs(7 * 24 * 3600),
            keep: Keep::Newest,
            sync_over_budget: Span::from_secs(30),
        }
    }
}
