//! The durable queue against a model: kills, power cuts, damage, a full disk; the account is exact.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use vigla_metrics::hold::Keep;
use vigla_metrics::outbox::{Message, Reason, Ticket, Worth};
use vigla_metrics::queue::{Limits, Log};

use crate::ramdisk::RamDisk;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    segment: 1 << 10,
    largest: 4 << 10,
    age: Duration::from_hours(1),
    keep: Keep::Newest,
};

/// The queue, and what must be true of it.
struct Model {
    disk: RamDisk,
    limits: Limits,
    log: Log,
    /// Payload of each message that must still come, by its order.
    owed: BTreeMap<u64, Vec<u8>>,
    lent: BTreeSet<u64>,
    put: u64,
    /// Settled and perhaps forgotten by a kill: these may come again.
    maybe: BTreeMap<u64, Vec<u8>>,
    /// Settled since the last mark.
    unmarked: BTreeMap<u64, Vec<u8>>,
    events: BTreeSet<u64>,
}

fn message(order: u64, worth: Worth) -> Message {
    let payload = vec![b'x'; (order * 37 % 200) as usize];
    Message {
        topic: format!("t/{order}"),
        payload,
        worth,
    }
}

impl Model {
    fn new(limits: Limits) -> Self {
        let disk = RamDisk::default();
        let log = Log::open(Arc::new(disk.clone()), limits).unwrap();
        Self {
            disk,
            limits,
            log,
            owed: BTreeMap::new(),
            lent: BTreeSet::new(),
            put: 0,
            maybe: BTreeMap::new(),
            unmarked: BTreeMap::new(),
            events: BTreeSet::new(),
        }
    }

    fn put(&mut self, worth: Worth) {
        let order = self.log.next();
        let message = message(order, worth);
        self.owed.insert(order, message.payload.clone());
        self.put += 1;
        self.events.extend((worth == Worth::Event).then_some(order));
        self.log
            .append(&mut vec![(Ticket(order), message)])
            .unwrap();
    }

    /// Checks that what comes is owed, and in order.
    fn lend(&mut self) -> Option<u64> {
        let (Ticket(order), message) = self.log.lend()?;
        assert_eq!(message.topic, format!("t/{order}"));
        if let Some(payload) = self.maybe.remove(&order) {
            self.owed.insert(order, payload);
        }
        let owed = self.owed.get(&order);
        assert_eq!(owed, Some(&message.payload), "{order} comes twice");
        assert!(
            self.lent.last().is_none_or(|last| *last < order),
            "{order} is out of order"
        );
        assert!(self.lent.insert(order));
        Some(order)
    }

    fn settle(&mut self, pick: usize) {
        let Some(&order) = self.lent.iter().nth(pick % self.lent.len().max(1)) else {
            return;
        };
        self.lent.remove(&order);
        let payload = self.owed.remove(&order).unwrap();
        let event = |order: &u64| self.events.contains(order);
        let ahead = self
            .owed
            .range(..order)
            .any(|(older, _)| event(older) == event(&order));
        // What is settled ahead of an older one of its lane cannot be marked.
        let settled = if ahead {
            &mut self.maybe
        } else {
            &mut self.unmarked
        };
        settled.insert(order, payload);
        assert!(self.log.settle(Ticket(order)));
    }

    fn mark(&mut self) {
        if let Some(chores) = self.log.mark().unwrap() {
            chores.done().unwrap();
        }
        self.unmarked.clear();
    }

    fn reclaim(&mut self) {
        self.log.reclaim();
        self.lent.clear();
    }

    fn kill(&mut self) {
        self.log = Log::open(Arc::new(self.disk.clone()), self.limits).unwrap();
        self.lent.clear();
        self.maybe.append(&mut self.unmarked);
    }

    fn drain(&mut self) {
        while self.lend().is_some() {
            self.settle(0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_lost_however_often_it_is_killed(steps in proptest::collection::vec((0_u8..12, 0_usize..8), 0..250)) {
        let mut model = Model::new(LIMITS);
        for (step, pick) in steps {
            match step {
                0..=3 => model.put(Worth::Sample),
                4 => model.put(Worth::Event),
                5..=7 => { model.lend(); }
                8 | 9 => model.settle(pick),
                10 if pick == 0 => model.kill(),
                10 if pick < 4 => model.mark(),
                _ if pick == 0 => model.reclaim(),
                _ => {
                    model.log.turn(Duration::from_secs(pick as u64));
                    model.log.expire();
                }
            }
            let account = model.log.account();
            prop_assert_eq!(account.accepted, model.put, "after {} {}", step, pick);
        }
        model.reclaim();
        model.drain();
        prop_assert_eq!(model.owed.len(), 0);
        let account = model.log.account();
        prop_assert_eq!((account.sent, account.stored, account.dropped.total()), (model.put, 0, 0));
        model.mark();
        model.kill();
        prop_assert_eq!(model.log.account(), account);
    }

    #[test]
    fn a_power_cut_loses_what_was_not_synced(before in 0_usize..40, settled in 0_usize..40, after in 0_usize..40) {
        let mut model = Model::new(LIMITS);
        (0..before).for_each(|_| model.put(Worth::Sample));
        for _ in 0..settled.min(before) {
            model.lend();
            model.settle(0);
        }
        model.mark();
        (0..after).for_each(|_| model.put(Worth::Event));
        model.disk.cut_power();
        model.kill();
        let account = model.log.account();
        let settled = settled.min(before) as u64;
        prop_assert_eq!((account.sent, account.stored, account.dropped.total()), (settled, before as u64 - settled, 0));
    }

    /// Any byte of any segment: the record that it belongs to is counted, the others come.
    #[test]
    fn a_damaged_byte_costs_one_message(count in 1_u64..30, at in any::<prop::sample::Index>(), running in any::<bool>()) {
        let mut model = Model::new(LIMITS);
        (0..count).for_each(|order| model.put(if order % 3 == 0 { Worth::Event } else { Worth::Sample }));
        model.mark();
        model.disk.damage(at.index(model.disk.bytes()));
        if !running {
            model.kill();
        }
        model.drain();
        let account = model.log.account();
        prop_assert_eq!((account.accepted, account.sent, account.stored), (count, count - 1, 0));
        prop_assert_eq!(account.dropped.by(Reason::Damaged), 1);
        prop_assert_eq!(model.owed.len(), 1);
    }

    #[test]
    fn a_small_disk_drops_and_counts(
        oldest in any::<bool>(),
        steps in proptest::collection::vec((0_u8..6, 0_usize..8), 0..400),
    ) {
        let keep = if oldest { Keep::Oldest } else { Keep::Newest };
        let mut model = Model::new(Limits { bytes: 8 << 10, keep, ..LIMITS });
        for (step, pick) in steps {
            match step {
                0..=2 => model.put(if pick == 0 { Worth::Event } else { Worth::Sample }),
                3 => { model.lend(); }
                4 => model.settle(pick),
                _ if pick == 0 => model.mark(),
                _ if pick == 1 => model.reclaim(),
                _ => {}
            }
            let account = model.log.account();
            prop_assert_eq!(account.accepted, model.put);
            prop_assert!(model.log.bytes() <= (8 << 10) + 300, "{}", model.log.bytes());
        }
        model.reclaim();
        model.drain();
        let account = model.log.account();
        prop_assert_eq!(account.stored, 0);
        prop_assert_eq!(account.dropped.total(), model.owed.len() as u64);
    }
}

#[test]
fn samples_go_before_events_and_the_oldest_first() {
    let mut model = Model::new(Limits {
        bytes: 8 << 10,
        ..LIMITS
    });
    let worth = |order| {
        if order % 10 == 0 {
            Worth::Event
        } else {
            Worth::Sample
        }
    };
    (0..200).for_each(|order| model.put(worth(order)));
    let came: Vec<u64> = std::iter::from_fn(|| model.lend()).collect();
    let events = came.iter().filter(|order| *order % 10 == 0).count();
    assert_eq!(events, 20, "all events are there");
    assert!(came.contains(&199) && !came.contains(&1), "{came:?}");
}

#[test]
fn what_is_too_old_goes_by_the_queues_own_clock() {
    let mut model = Model::new(LIMITS);
    model.put(Worth::Sample);
    model.log.turn(Duration::from_mins(30));
    model.put(Worth::Sample);
    model.mark();
    model.kill();
    // The clock goes on where it stood.
    model.log.turn(Duration::from_secs(1801));
    assert_eq!(model.lend(), Some(1));
    assert_eq!(model.log.account().dropped.by(Reason::Old), 1);
}

#[test]
fn a_lost_bookmark_costs_doubles_and_no_message() {
    let mut model = Model::new(LIMITS);
    (0..5).for_each(|_| model.put(Worth::Event));
    model.lend();
    model.settle(0);
    model.mark();
    for name in BOOKMARKS {
        vigla_metrics::queue::Disk::remove(&model.disk, name).unwrap();
    }
    model.kill();
    model.maybe.insert(0, Vec::new());
    model.drain();
    assert_eq!((model.owed.len(), model.log.account().sent), (0, 5));
}

const BOOKMARKS: [&str; 2] = ["bookmark", "bookmark-2"];

/// A queue of which some segments are sent and removed, marked twice.
fn half_sent() -> Model {
    let mut model = Model::new(LIMITS);
    (0..40).for_each(|_| model.put(Worth::Sample));
    for _ in 0..2 {
        for _ in 0..10 {
            model.lend();
            model.settle(0);
        }
        model.mark();
    }
    model
}

#[test]
fn a_damaged_bookmark_leaves_the_account() {
    for name in BOOKMARKS {
        let mut model = half_sent();
        let before = model.log.account();
        model.disk.damage_file(name);
        model.kill();
        let after = model.log.account();
        let known = after.sent + after.stored + after.dropped.by(Reason::Unknown);
        assert_eq!((after.accepted, known), (before.accepted, before.accepted));
        assert!(after.sent >= 10, "{name}: {after:?}");
    }
}

#[test]
fn what_two_damaged_bookmarks_knew_is_counted_as_unknown() {
    let mut model = half_sent();
    for name in BOOKMARKS {
        model.disk.damage_file(name);
    }
    model.kill();
    let account = model.log.account();
    let unknown = account.dropped.by(Reason::Unknown);
    assert!((1..=20).contains(&unknown), "{account:?}");
    assert_eq!(
        (account.accepted, account.sent, account.stored),
        (40, 0, 40 - unknown)
    );
    // And from then on it is as before.
    model.mark();
    model.kill();
    assert_eq!(model.log.account(), account);
}

#[test]
fn the_age_is_that_of_the_oldest_message_that_is_stored() {
    let secs = Duration::from_secs;
    let mut model = Model::new(LIMITS);
    for second in [0, 10, 20, 30] {
        model.log.turn(secs(second));
        model.put(Worth::Sample);
    }
    let oldest = |model: &mut Model| {
        model.log.expire();
        model.log.oldest_secs()
    };
    model.log.turn(secs(100));
    assert_eq!(oldest(&mut model), Some(100));
    model.lend();
    model.lend();
    assert_eq!(oldest(&mut model), Some(100), "it is lent");
    model.settle(0);
    assert_eq!(oldest(&mut model), Some(90));
    model.settle(0);
    assert_eq!(oldest(&mut model), Some(80));
    model.lend();
    model.reclaim();
    assert_eq!(oldest(&mut model), Some(80));
    model.mark();
    model.kill();
    assert_eq!(oldest(&mut model), Some(80), "the clock goes on");
    model.log.turn(secs(5));
    model.drain();
    assert_eq!(oldest(&mut model), None);
    model.put(Worth::Sample);
    model.log.turn(secs(9));
    assert_eq!(oldest(&mut model), Some(4));
}
