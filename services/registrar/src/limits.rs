//! How often somebody may ask: a bucket for each address and each claim, refilled steadily.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::settings::Limits as Settings;

/// Beyond so many the full ones are thrown away: a full bucket is as good as none.
const MOST: usize = 10_000;
const MINUTE: f64 = 60e6;

/// The buckets.
#[derive(Debug)]
pub(crate) struct Limits {
    addresses: Mutex<Buckets<IpAddr>>,
    claims: Mutex<Buckets<String>>,
}

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            addresses: Mutex::new(Buckets::new(settings.per_address)),
            claims: Mutex::new(Buckets::new(settings.per_claim)),
        }
    }

    /// Whether this address may ask now, and if not, in how many seconds; `now` is monotonic, in microseconds.
    pub(crate) fn address(&self, address: IpAddr, now: u64) -> Result<(), u64> {
        let address = match address.to_canonical() {
            // What one customer gets of the newer addresses is a whole network.
            IpAddr::V6(v6) => IpAddr::from((v6.to_bits() >> 64 << 64).to_be_bytes()),
            v4 @ IpAddr::V4(_) => v4,
        };
        let mut all = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.take(address, now)
    }

    /// Whether this claim may be brought now, and if not, in how many seconds.
    pub(crate) fn claim(&self, claim: &str, now: u64) -> Result<(), u64> {
        let mut all = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        all.take(claim.to_owned(), now)
    }
}

#[derive(Debug)]
struct Buckets<K> {
    size: f64,
    /// What is left, and since when.
    left: HashMap<K, (f64, u64)>,
}

impl<K: Hash + Eq> Buckets<K> {
    fn new(a_minute: u32) -> Self {
        Self {
            size: f64::from(a_minute),
            left: HashMap::new(),
        }
    }

    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "microseconds of hours fit, and what is waited for is at most a minute"
    )]
    fn take(&mut self, key: K, now: u64) -> Result<(), u64> {
        let size = self.size;
        let refilled = |(left, since): (f64, u64)| {
            let passed = now.saturating_sub(since) as f64;
            (left + passed * size / MINUTE).min(size)
        };
        if self.left.len() >= MOST {
            self.left.retain(|_, bucket| refilled(*bucket) < size);
        }
        let left = self.left.get(&key).copied().map_or(size, refilled);
        let may = left >= 1.0;
        self.left
            .insert(key, (if may { left - 1.0 } else { left }, now));
        let missing = (1.0 - left).max(0.0) / size.max(1.0) * 60.0;
        if may {
            Ok(())
        } else {
            Err(missing.ceil().clamp(1.0, 60.0) as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_refilled_steadily() {
        let mut buckets = Buckets::new(60);
        let taken = (0..100).filter(|_| buckets.take("a", 0).is_ok()).count();
        assert_eq!(taken, 60);
        assert!(buckets.take("b", 0).is_ok(), "each has its own");
        let second = 1_000_000;
        assert_eq!(buckets.take("a", second / 2), Err(1));
        assert!(buckets.take("a", second + 1).is_ok());
        assert!(buckets.take("a", second + 2).is_err());
        let later = (0..100)
            .filter(|_| buckets.take("a", 3600 * second).is_ok())
            .count();
        assert_eq!(later, 60, "not more than full");
    }

    #[test]
    fn neighbours_of_one_network_share() {
        let limits = Limits::new(&Settings {
            per_address: 1,
            ..Settings::default()
        });
        let ask = |text: &str| limits.address(text.parse().unwrap(), 0).is_ok();
        assert!(ask("2001:db8::1"));
        assert!(!ask("2001:db8::2"));
        assert!(ask("2001:db8:0:1::1"));
        assert!(ask("192.0.2.1"));
        assert!(!ask("::ffff:192.0.2.1"));
    }
}
