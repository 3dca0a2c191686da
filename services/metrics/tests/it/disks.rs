//! The outbox on disks that are full, read-only or slow: it serves from memory, says so, and comes back.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use vigla_kit::clock::Clock;
use vigla_metrics::Settings;
use vigla_metrics::outbox::{Message, Outbox, Reason, Standing, Ticket, Trouble, Worth};
use vigla_metrics::queue::Log;
use vigla_testkit::until;

use crate::listener::PATIENCE;
use crate::ramdisk::RamDisk;
use crate::sink::opener;

/// An outbox with its writer, and nobody who sends.
struct Queue {
    disk: RamDisk,
    outbox: Outbox,
    writer: Option<std::thread::JoinHandle<()>>,
}

impl Queue {
    fn on(disk: &RamDisk) -> Self {
        Self::by(disk, Clock::system())
    }

    fn by(disk: &RamDisk, clock: Clock) -> Self {
        let settings = Settings::default();
        let (memory, limits) = (settings.hold.limits(), settings.queue.limits());
        let outbox = Outbox::new(opener(disk), memory, limits, clock);
        let handle = outbox.clone();
        let writer = Some(std::thread::spawn(move || handle.work()));
        Self {
            disk: disk.clone(),
            outbox,
            writer,
        }
    }

    fn put(&self, count: u32) {
        for _ in 0..count {
            self.outbox.put(Message {
                topic: "t".into(),
                payload: vec![b'x'; 100],
                worth: Worth::Sample,
            });
        }
    }

    fn wait(&self, what: &str, fits: impl Fn(&Standing) -> bool) -> Standing {
        until(what, PATIENCE, || {
            Some(self.outbox.standing()).filter(&fits)
        })
        .unwrap()
    }

    fn take(&self, count: u32) -> Vec<Ticket> {
        let next = || {
            until("a message", PATIENCE, || self.outbox.lend())
                .unwrap()
                .0
        };
        (0..count).map(|_| next()).collect()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.outbox.close();
        if let Some(writer) = self.writer.take() {
            writer.join().unwrap();
        }
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_waits_for_it() {
    let queue = Queue::on(&RamDisk::default());
    queue.put(10);
    queue.wait("ten on disk", |standing| {
        standing.in_memory == 0 && standing.account.stored == 10
    });
    queue.disk.fail(Some(ErrorKind::StorageFull));
    queue.put(10);
    queue.wait("the trouble", |standing| {
        standing.trouble == Some(Trouble::Full)
    });
    // First what is on disk, then what is in memory, in order.
    let tickets = queue.take(20);
    assert!(tickets.is_sorted());
    for ticket in tickets {
        queue.outbox.settle(ticket);
    }
    let account = queue.outbox.account();
    assert_eq!(
        (account.accepted, account.sent, account.stored),
        (20, 20, 0)
    );

    queue.disk.fail(None);
    queue.put(5);
    queue.wait("the disk again", |standing| {
        standing.trouble.is_none() && standing.in_memory == 0
    });
    assert_eq!(queue.outbox.account().stored, 5);
}

#[test]
fn a_disk_that_cannot_be_opened_is_tried_again() {
    let disk = RamDisk::default();
    disk.fail(Some(ErrorKind::ReadOnlyFilesystem));
    let queue = Queue::on(&disk);
    queue.put(3);
    queue.wait("the trouble", |standing| {
        standing.trouble == Some(Trouble::ReadOnly)
    });
    let lent = queue.take(1);
    queue.disk.fail(None);
    // One is lent: only what is settled or reclaimed lets the order stand.
    queue.outbox.settle(lent[0]);
    queue.wait("the disk", |standing| {
        standing.trouble.is_none() && standing.in_memory == 0
    });
    let account = queue.outbox.account();
    assert_eq!((account.accepted, account.sent, account.stored), (3, 1, 2));
}

#[test]
fn a_slow_disk_holds_nobody_up() {
    let disk = RamDisk::default();
    let queue = Queue::on(&disk);
    queue.put(1);
    queue.wait("the first on disk", |standing| standing.in_memory == 0);
    let gate = disk.gate();
    let guard = gate.lock().unwrap();
    // The producers go on while the disk does not answer.
    queue.put(6000);
    let account = queue.outbox.account();
    assert_eq!(
        account.accepted,
        account.stored + account.dropped.by(Reason::Full)
    );
    drop(guard);
    queue.wait("the disk", |standing| standing.in_memory == 0);
}

#[test]
fn an_end_keeps_everything() {
    let disk = RamDisk::default();
    let queue = Queue::on(&disk);
    queue.put(100);
    let tickets = queue.take(40);
    for ticket in tickets {
        queue.outbox.settle(ticket);
    }
    drop(queue);
    disk.cut_power();
    let again = Queue::on(&disk);
    let standing = again.wait("what was there", |standing| standing.account.accepted > 0);
    assert_eq!(
        (
            standing.account.accepted,
            standing.account.sent,
            standing.account.stored
        ),
        (100, 40, 60)
    );
}

/// The budget of writes is spent: what is written is safe from the end of the daemon, and synced later.
#[test]
fn syncs_that_are_put_off_cost_a_power_cut_and_nothing_else() {
    let disk = RamDisk::default();
    let queue = Queue::on(&disk);
    assert!(queue.outbox.sync_within(Duration::from_mins(10)));
    queue.put(5);
    queue.wait("five on disk", |standing| standing.in_memory == 0);
    let found = || {
        let log = Log::open(Arc::new(disk.clone()), Settings::default().queue.limits());
        log.unwrap().account().stored
    };
    assert_eq!(found(), 5, "a kill costs nothing");
    disk.cut_power();
    assert_eq!(found(), 0);
}

/// What a day over budget saves, counted in syncs: the same messages, each written before the next.
#[test]
fn a_spent_budget_saves_nearly_all_syncs() {
    const MESSAGES: usize = 10;
    let syncs = |within: Duration| {
        let disk = RamDisk::default();
        let queue = Queue::on(&disk);
        queue.outbox.sync_within(within);
        for _ in 0..MESSAGES {
            let before = disk.syncs();
            queue.put(1);
            queue.wait("it on disk", |standing| {
                standing.in_memory == 0 && (!within.is_zero() || disk.syncs() > before)
            });
        }
        let running = disk.syncs();
        drop(queue);
        (running, disk.syncs())
    };
    let (at_once, _) = syncs(Duration::ZERO);
    assert!(at_once >= MESSAGES, "{at_once}");
    let (later, at_the_end) = syncs(Duration::from_hours(1));
    // The bookmark at the start, perhaps with the first message; and both files at the end.
    assert!(later <= 2, "{later}");
    assert!(
        (later + 1..=later + 2).contains(&at_the_end),
        "{at_the_end}"
    );
}

/// A queue with one message on disk, of which the sink has heard.
fn heard() -> (Queue, tokio::runtime::Runtime) {
    let queue = Queue::on(&RamDisk::default());
    queue.put(1);
    queue.wait("the first on disk", |standing| standing.in_memory == 0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(queue.outbox.arrived());
    (queue, runtime)
}

#[test]
fn a_waiting_sink_takes_a_message_to_the_disk_without_the_writer() {
    let (mut queue, runtime) = heard();
    queue.outbox.close();
    queue.writer.take().unwrap().join().unwrap();
    let put = async { queue.put(1) };
    runtime.block_on(async {
        let both = async { tokio::join!(queue.outbox.arrived(), put) };
        tokio::time::timeout(PATIENCE, both).await.unwrap();
    });
    let standing = queue.outbox.standing();
    assert_eq!((standing.account.stored, standing.in_memory), (2, 0));
    assert_eq!(queue.take(2).len(), 2);
}

/// Both ways out of it: the sink comes, or it is gone for good.
#[test]
fn what_comes_while_a_sink_is_busy_is_written_by_it_or_when_it_leaves() {
    let (queue, runtime) = heard();
    let attendance = queue.outbox.attend();
    queue.put(1);
    runtime.block_on(async {
        let arrived = tokio::time::timeout(PATIENCE, queue.outbox.arrived());
        arrived.await.unwrap();
    });
    assert_eq!(queue.outbox.standing().in_memory, 0);
    queue.put(1);
    assert_eq!(queue.outbox.standing().in_memory, 1, "nobody was woken");
    drop(attendance);
    queue.wait("the third on disk", |standing| {
        standing.in_memory == 0 && standing.account.stored == 3
    });
}

#[test]
fn what_a_sink_was_called_for_and_left_is_written_all_the_same() {
    let (queue, runtime) = heard();
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = queue.outbox.arrived() => panic!("nothing has arrived"),
            () = async { queue.put(1) } => {}
        }
    });
    queue.wait("the second on disk", |standing| {
        standing.in_memory == 0 && standing.account.stored == 2
    });
}

/// Age is counted by the queue's own clock.
#[test]
fn a_clock_that_jumps_by_a_year_drops_nothing() {
    const YEAR: u64 = 365 * 24 * 3600 * 1_000_000;
    let now = 1_700_000_000_000_000;
    let clock = Clock::manual(now);
    let disk = RamDisk::default();
    for (count, wall) in (1..).zip([now, now + YEAR, now - YEAR, 0, u64::MAX]) {
        clock.set_wall(wall);
        let queue = Queue::by(&disk, clock.clone());
        queue.put(1);
        // At its end the daemon ages, marks and syncs as it does each second.
        drop(queue);
        let queue = Queue::by(&disk, clock.clone());
        let standing = queue.wait("what was put", |standing| standing.account.stored == count);
        assert_eq!(standing.account.dropped.total(), 0);
    }
    // Eight days of running are another matter.
    let queue = Queue::by(&disk, clock.clone());
    queue.wait("all", |standing| standing.account.stored == 5);
    clock.advance(Duration::from_hours(8 * 24));
    queue.put(1);
    queue.wait("their age", |standing| {
        standing.account.dropped.by(Reason::Old) == 5
    });
}
