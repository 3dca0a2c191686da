//! `[health]`: when the device is not well.

use serde::{Deserialize, Serialize};

/// The bounds of each thing that can go bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// Whether anybody looks.
    pub enabled: bool,
    /// A file system is full from here on.
    pub disk_percent: DiskPercent,
    /// Memory is low below this.
    pub memory_percent: MemoryPercent,
    /// It is too hot from here on.
    pub celsius: Celsius,
    /// A card that will not last as long is worn.
    pub card_days: Days,
    /// What a card can take in all; 0: not known.
    pub endurance_bytes: Endurance,
    /// Most that one service may write.
    pub written_bytes_a_day: Budget,
}

vigla_kit::whole! {
    /// 50..=100.
    pub DiskPercent(u8) = 50..=100, "percent of the space"
}

vigla_kit::whole! {
    /// 0..=50; 0: never.
    pub MemoryPercent(u8) = 0..=50, "percent of the memory"
}

vigla_kit::whole! {
    /// 40..=120.
    pub Celsius(u8) = 40..=120, "degrees Celsius"
}

vigla_kit::whole! {
    /// 0..=36500; 0: never.
    pub Days(u16) = 0..=36_500, "a number of days"
}

vigla_kit::whole! {
    /// 0..=10^18.
    pub Endurance(u64) = 0..=1_000_000_000_000_000_000, "a number of bytes"
}

vigla_kit::whole! {
    /// 1000000..=10^15.
    pub Budget(u64) = 1_000_000..=1_000_000_000_000_000, "a number of bytes"
}

impl Default for Health {
    fn default() -> Self {
        Self {
            enabled: true,
            disk_percent: DiskPercent::new(90).expect("90 is in range"),
            memory_percent: MemoryPercent::new(5).expect("5 is in range"),
            celsius: Celsius::new(80).expect("80 is in range"),
            card_days: Days::new(365).expect("365 is in range"),
            endurance_bytes: Endurance::new(0).expect("0 is in range"),
            written_bytes_a_day: Budget::new(2_000_000_000).expect("2 GB is in range"),
        }
    }
}
