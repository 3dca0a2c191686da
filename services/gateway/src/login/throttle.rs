//! How often somebody may try a password or a code. Time is a parameter.
//!
//! Each address has some attempts free; then each failure doubles its wait, up to a minute. All
//! addresses together have budgets too, so that a thousand of them are no way around: one for the
//! first attempt of an address, and one for those that failed before. Of that one the less is left
//! for somebody the more he failed: so whoever fails again and again keeps out neither a newcomer
//! nor somebody who mistyped. An address that once knew the password is not held up by the failures
//! of others. An attempt is charged before its password is looked at and given back when that was
//! right: many at once gain nothing.

mod budget;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use tokio::time::Instant;

use self::budget::Budget;
use crate::fault::Fault;

/// Failures of an address before it must wait.
const FREE: u32 = 5;

const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A failure is forgotten after this time without another.
const MEMORY: Duration = Duration::from_mins(15);

/// Most addresses that are remembered.
const ADDRESSES: usize = 1024;

/// Attempts of all strangers at once that never failed, and how often one more is given.
const FIRST: Budget = Budget::new(40, Duration::from_millis(500));

/// The same for those that failed, and what each failure leaves to others.
const AGAIN: Budget = Budget::new(40, Duration::from_secs(3));
const LEAVES: u32 = 8;

/// Who tried how often.
#[derive(Debug)]
pub(crate) struct Throttle {
    addresses: HashMap<IpAddr, Record>,
    first: Budget,
    again: Budget,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    failures: u32,
    last: Instant,
    /// It knew the password once.
    friend: bool,
}

impl Throttle {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            addresses: HashMap::new(),
            first: FIRST.from(now),
            again: AGAIN.from(now),
        }
    }

    /// Says whether `address` must wait, and charges nothing: also who is known must not be told apart from
    /// a guess while the address waits.
    pub(crate) fn must_wait(&self, address: IpAddr, now: Instant) -> Result<(), Fault> {
        let Some(record) = self.record(network(address), now) else {
            return Ok(());
        };
        let over = now.duration_since(record.last);
        let wait = wait(record.failures).saturating_sub(over);
        if wait.is_zero() {
            Ok(())
        } else {
            Err(Fault::TooMany(wait.as_secs() + 1))
        }
    }

    fn record(&self, address: IpAddr, now: Instant) -> Option<Record> {
        let record = self.addresses.get(&address).copied();
        record.filter(|r| r.friend || now.duration_since(r.last) < MEMORY)
    }

    /// Charges an attempt from `address`, or says that it is too early.
    pub(crate) fn attempt(&mut self, address: IpAddr, now: Instant) -> Result<(), Fault> {
        let address = network(address);
        self.must_wait(address, now)?;
        let record = self.record(address, now);
        let friend = record.is_some_and(|record| record.friend);
        let recent = record.filter(|r| now.duration_since(r.last) < MEMORY);
        let before = recent.map_or(0, |r| r.failures);
        if !friend {
            let paid = match before.checked_sub(1) {
                None => self.first.take(0, now),
                Some(more) => self.again.take(LEAVES * more.min(FREE - 1), now),
            };
            paid.ok_or(Fault::Busy)?;
        }
        self.make_room(address, now);
        let record = Record {
            failures: before.saturating_add(1),
            last: now,
            friend,
        };
        self.addresses.insert(address, record);
        Ok(())
    }

    /// The attempt was right: nothing is held against the address any more.
    pub(crate) fn succeeded(&mut self, address: IpAddr, now: Instant) {
        let record = Record {
            failures: 0,
            last: now,
            friend: true,
        };
        let before = self.addresses.insert(network(address), record);
        match before {
            Some(before) if before.friend => {}
            Some(before) if before.failures > 1 => self.again.give_back(),
            _ => self.first.give_back(),
        }
    }

    /// Forgets whoever was quiet for longest, and of strangers first.
    fn make_room(&mut self, address: IpAddr, now: Instant) {
        if self.addresses.len() < ADDRESSES || self.addresses.contains_key(&address) {
            return;
        }
        self.addresses
            .retain(|_, r| r.friend || now.duration_since(r.last) < MEMORY);
        while self.addresses.len() >= ADDRESSES {
            let quietest = self
                .addresses
                .iter()
                .min_by_key(|(_, r)| (r.friend, r.last));
            let Some((&quietest, _)) = quietest else {
                return;
            };
            self.addresses.remove(&quietest);
        }
    }
}

fn wait(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => (Duration::from_secs(1) * 2_u32.pow(more.min(6))).min(LONGEST_WAIT),
    }
}

/// One visitor has a whole /64 of IPv6 to himself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(n: u16) -> IpAddr {
        let [a, b] = n.to_be_bytes();
        IpAddr::from([10, 0, a, b])
    }

    #[test]
    fn an_address_waits_longer_with_each_failure() {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(now);
        for _ in 0..FREE {
            throttle.attempt(v4(1), now).unwrap();
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let told = throttle.attempt(v4(1), now);
            assert_eq!(told, Err(Fault::TooMany(seconds + 1)));
            assert_eq!(throttle.must_wait(v4(1), now), told);
            now += Duration::from_millis(1000 * seconds - 500);
            throttle.attempt(v4(1), now).unwrap_err();
            now += Duration::from_millis(500);
            throttle.attempt(v4(1), now).unwrap();
        }
        throttle.attempt(v4(2), now).unwrap();
        throttle.succeeded(v4(1), now);
        throttle.attempt(v4(1), now).unwrap();
    }

    #[test]
    fn a_thousand_addresses_are_no_way_around_and_no_memory() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        throttle.attempt(v4(9), now).unwrap();
        throttle.succeeded(v4(9), now);
        let tried = (100..5000).filter(|&n| throttle.attempt(v4(n), now).is_ok());
        assert_eq!(tried.count(), 40);
        assert_eq!(throttle.attempt(v4(1), now), Err(Fault::Busy));
        // Who knew the password before is not held up.
        throttle.attempt(v4(9), now).unwrap();
        let second = Duration::from_secs(1);
        throttle.attempt(v4(1), now + second).unwrap();
        let mut later = now + second;
        for n in 0..3000 {
            later += second;
            throttle.attempt(v4(n), later).unwrap();
        }
        assert!(throttle.addresses.len() <= ADDRESSES);
    }

    #[test]
    fn who_fails_again_and_again_keeps_nobody_else_out() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        let tries = (0..400).filter(|n| throttle.attempt(v4(100 + n % 8), now).is_ok());
        assert_eq!(tries.count(), 8 + 24, "the first, and three more of each");
        // A newcomer mistypes twice, and then knows it.
        for _ in 0..3 {
            throttle.attempt(v4(1), now).unwrap();
        }
        throttle.succeeded(v4(1), now);
        assert_eq!(throttle.attempt(v4(100), now), Err(Fault::Busy));
    }

    #[test]
    fn a_network_of_ipv6_is_one_visitor() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let two: IpAddr = "2001:db8::2:1".parse().unwrap();
        assert_eq!(network(one), network(two));
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(network(mapped), v4(1));
    }

    #[test]
    fn failures_are_forgotten() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        for _ in 0..FREE {
            throttle.attempt(v4(1), now).unwrap();
        }
        throttle.attempt(v4(1), now).unwrap_err();
        for _ in 0..FREE {
            throttle.attempt(v4(1), now + MEMORY).unwrap();
        }
    }
}
